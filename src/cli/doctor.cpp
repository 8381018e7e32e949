// r1 doctor: what this machine offers and what r1 makes of it.
#include <sys/utsname.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/log.h"
#include "cli/verbs.h"
#include "kernels/peak.h"
#include "train/learner.h"

namespace r1 {
namespace {

struct DoctorConfig {
  double seconds = 0.1;
  ComputeConfig compute;

  void visit(auto&& f) {
    f("seconds", seconds, "how long each peak is measured");
    f("compute", compute);
  }
};

using Table = std::vector<std::pair<std::string, std::string>>;

/// The value after "name :" in a file of such lines, or "" when there is none.
std::string value_in(const char* file, const std::string& name) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(name)) continue;
    const size_t begin = line.find_first_not_of(" \t:", name.size());
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

std::string first_line(const char* file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

std::string or_unknown(const std::string& text) { return text.empty() ? "unknown" : text; }

/// "23.4 GiB" of a line like "MemTotal: 24570000 kB".
std::string memory_in(const std::string& name) {
  const std::string text = value_in("/proc/meminfo", name + ":");
  if (text.empty()) return "unknown";
  return human_bytes(std::strtod(text.c_str(), nullptr) * 1024);
}

std::string huge_pages() {
  const std::string modes = first_line("/sys/kernel/mm/transparent_hugepage/enabled");
  const size_t begin = modes.find('['), end = modes.find(']');
  if (begin == std::string::npos || end == std::string::npos) return "unknown";
  const std::string mode = modes.substr(begin + 1, end - begin - 1);
  return mode == "never" ? "never; large models run a little slower" : mode;
}

std::string disk_free() {
  std::error_code failed;
  const auto space = std::filesystem::space(".", failed);
  if (failed) return "unknown: " + failed.message();
  return human_bytes(static_cast<double>(space.available)) + " in this folder";
}

std::string system_name() {
  utsname name;
  if (uname(&name) != 0) return "unknown";
  return fmt::format("{} {} {}", name.sysname, name.release, name.machine);
}

void add_compute(Table& table, const Machine& machine, double seconds) {
  table.emplace_back("cores", fmt::format("{} usable of {}; r1 uses {} threads", usable_cores(),
                                          std::thread::hardware_concurrency(), machine.threads()));
  for (const Backend backend : available_backends()) {
    if (backend == Backend::kReference) continue;
    table.emplace_back(
        fmt::format("peak {}", backend_name(backend)),
        fmt::format("{:.1f} GFLOP/s a core in f32{}", measure_fma_peak(backend, seconds),
                    backend == machine.backend() ? "  (chosen)" : ""));
  }
  if (machine.backend() == Backend::kReference)
    table.emplace_back("backend", "reference  (chosen)");
}

Result<void> run_doctor(DoctorConfig& config) {
  if (!(config.seconds > 0 && config.seconds <= 10)) {
    return fail("seconds is {}; it must be above 0 and at most 10", config.seconds);
  }
  R1_TRY(const Machine machine, Machine::open(config.compute));
  Table table{
      {"r1", fmt::format("{}, {} build, compiler {}", R1_VERSION, R1_BUILD_TYPE, __VERSION__)},
      {"system", system_name()},
      {"processor", or_unknown(value_in("/proc/cpuinfo", "model name"))}};
  add_compute(table, machine, config.seconds);
  table.emplace_back(
      "memory", fmt::format("{}, {} available", memory_in("MemTotal"), memory_in("MemAvailable")));
  table.emplace_back("huge pages", huge_pages());
  table.emplace_back("disk free", disk_free());
  for (const auto& [name, value] : table) std::printf("%-14s %s\n", name.c_str(), value.c_str());
  return {};
}

}  // namespace

Verb doctor_verb() {
  Verb verb{"doctor",
            "what this machine offers: cores, instruction sets, memory, disk",
            {"r1 doctor"},
            {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    DoctorConfig config;
    return run_verb(verb, config, args, run_doctor);
  };
  return verb;
}

}  // namespace r1
