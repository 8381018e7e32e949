#include "reward/sandbox_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

namespace r1 {
namespace {

bool write_value(const Path& file, const std::string& value) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool done = ::write(fd, value.data(), value.size()) == static_cast<ssize_t>(value.size());
  ::close(fd);
  return done;
}

std::string read_value(const Path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// This process's group in a hierarchy, or "/" when the line is missing.
std::string own_group(const std::string& controller) {
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string names = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool is_it =
        controller.empty() ? names == ",," : names.find("," + controller + ",") != names.npos;
    if (is_it) return line.substr(second + 1);
  }
  return "/";
}

bool can_limit(const CgroupPlace& place) {
  return Cgroup::create(place, "r1-probe-" + std::to_string(::getpid()), 64, 64).has_value();
}

/// The named value in a file of "name value" lines.
int64_t named_value(const Path& file, const std::string& name) {
  std::istringstream in(read_value(file));
  std::string word;
  int64_t value = 0;
  while (in >> word >> value) {
    if (word == name) return value;
  }
  return 0;
}

}  // namespace

CgroupPlace CgroupPlace::detect() {
  const Path base = "/sys/fs/cgroup";
  for (const std::string& group : {own_group(""), std::string("/")}) {
    CgroupPlace place{2, base / ("." + group), {}};
    if (::access((place.memory / "cgroup.controllers").c_str(), R_OK) != 0) continue;
    write_value(place.memory / "cgroup.subtree_control", "+memory +pids");
    write_value(place.memory / "cgroup.subtree_control", "+cpu");
    if (can_limit(place)) return place;
  }
  for (const bool own : {true, false}) {
    const std::string memory = own ? own_group("memory") : "/",
                      pids = own ? own_group("pids") : "/";
    CgroupPlace place{1, base / "memory" / ("." + memory), base / "pids" / ("." + pids)};
    if (!can_limit(place)) continue;
    place.cpu = base / "cpu" / (own ? "." + own_group("cpu") : ".");
    if (!can_limit(place)) place.cpu.clear();
    return place;
  }
  return {};
}

std::optional<Cgroup> Cgroup::create(const CgroupPlace& place, const std::string& name,
                                     int memory_mb, int processes) {
  if (place.version == 0) return std::nullopt;
  Cgroup group;
  group.version_ = place.version;
  const auto make = [&](const Path& parent) {
    std::error_code error;
    if (!std::filesystem::create_directory(parent / name, error)) return false;
    group.folders_.push_back(parent / name);
    const Path door = parent / name / "cgroup.procs";
    group.doors_.push_back(::open(door.c_str(), O_WRONLY | O_CLOEXEC));
    return group.doors_.back() >= 0;
  };
  if (!make(place.memory) || (place.version == 1 && !make(place.pids))) return std::nullopt;
  const Path memory = group.folders_.front(), pids = group.folders_.back();
  // A group of its own weighs as much as one process of ours, however many it starts.
  if (!place.cpu.empty() && !make(place.cpu)) return std::nullopt;
  const std::string bytes = std::to_string(static_cast<int64_t>(memory_mb) << 20);
  const bool is_v2 = place.version == 2;
  if (!write_value(memory / (is_v2 ? "memory.max" : "memory.limit_in_bytes"), bytes) ||
      !write_value(pids / "pids.max", std::to_string(processes))) {
    return std::nullopt;
  }
  // Without swap neither file exists.
  write_value(memory / (is_v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes"),
              is_v2 ? "0" : bytes);
  return group;
}

Cgroup::Cgroup(Cgroup&& other) noexcept
    : version_(other.version_),
      folders_(std::exchange(other.folders_, {})),
      doors_(std::exchange(other.doors_, {})) {}

Cgroup::~Cgroup() {
  for (const int door : doors_) ::close(door);
  for (const Path& folder : folders_) {
    std::istringstream left(read_value(folder / "cgroup.procs"));
    for (pid_t pid; left >> pid;) ::kill(pid, SIGKILL);
    // The kernel lets go of a dead process a moment after it was waited for.
    for (int i = 0; i < 100 && ::rmdir(folder.c_str()) != 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
}

bool Cgroup::out_of_memory() const {
  const char* file = version_ == 2 ? "memory.events" : "memory.oom_control";
  return named_value(folders_[0] / file, "oom_kill") > 0;
}

void Cgroup::hurry() const {
  const bool is_v2 = version_ == 2;
  write_value(folders_.back() / (is_v2 ? "cpu.weight" : "cpu.shares"), is_v2 ? "10000" : "262144");
}

int64_t resident_bytes(pid_t root) {
  const Path folder = "/proc/" + std::to_string(root);
  std::istringstream statm(read_value(folder / "statm"));
  int64_t size = 0, resident = 0;
  statm >> size >> resident;
  int64_t total = resident * ::sysconf(_SC_PAGESIZE);
  std::error_code error;
  for (std::filesystem::directory_iterator task(folder / "task", error), end; !error && task != end;
       task.increment(error)) {
    std::istringstream children(read_value(task->path() / "children"));
    for (pid_t child; children >> child;) total += resident_bytes(child);
  }
  return total;
}

}  // namespace r1
