#include "models/plan_cost.h"

#include <charconv>

#include "models/family.h"
#include "models/published.h"

namespace r1 {
namespace {

constexpr double kTera = 1e12, kGiga = 1e9;

/// The whole text as a positive number.
std::optional<double> positive(std::string_view text) {
  double value = 0;
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  if (!(value > 0 && value < 1e30)) return std::nullopt;
  return value;
}

}  // namespace

const std::vector<Device>& known_devices() {
  // Dense FLOP/s with f32 sums, the maker's gigabytes of 10^9.
  static const std::vector<Device> all{
      {"h800", "NVIDIA H800 SXM", 989.4 * kTera, 1978.9 * kTera, 66.9 * kTera, 80 * kGiga,
       3.35 * kTera, 2.0, "H100's data sheet (same chip); $2 an hour: DeepSeek-V3, section 1"},
      {"h100", "NVIDIA H100 SXM", 989.4 * kTera, 1978.9 * kTera, 66.9 * kTera, 80 * kGiga,
       3.35 * kTera, 0, "NVIDIA H100 data sheet"},
      {"h200", "NVIDIA H200 SXM", 989.4 * kTera, 1978.9 * kTera, 66.9 * kTera, 141 * kGiga,
       4.8 * kTera, 0, "NVIDIA H200 data sheet"},
      {"a100", "NVIDIA A100 SXM 80 GB", 312 * kTera, 0, 19.5 * kTera, 80 * kGiga, 2.039 * kTera, 0,
       "NVIDIA A100 data sheet"},
      {"b200", "NVIDIA B200 SXM", 2250 * kTera, 4500 * kTera, 75 * kTera, 180 * kGiga, 7.7 * kTera,
       0, "NVIDIA HGX B200 data sheet"},
      {"4090", "NVIDIA RTX 4090", 165.2 * kTera, 330.3 * kTera, 82.6 * kTera, 24 * kGiga,
       1.008 * kTera, 0, "NVIDIA Ada white paper"}};
  return all;
}

Result<Device> find_device(const std::string& name) {
  std::string known;
  for (const Device& device : known_devices()) {
    if (device.name == name) return device;
    known += device.name;
    known += ", ";
  }
  return fail(
      "device '{}' is not known; there are {}this (this machine, measured) and custom (with "
      "--flops, "
      "--memory and --bandwidth)",
      name, known);
}

const StatedRun& stated_run(PlanDtype dtype, bool has_experts) {
  static const StatedRun kV3{
      "deepseek-v3",   "h800",
      180e3,           4096,
      PlanDtype::kFP8, "DeepSeek-V3 report, section 1: 180K H800 hours per trillion tokens"};
  static const StatedRun kV2{
      "deepseek-v2",    "h800",
      172.8e3,          4096,
      PlanDtype::kBF16, "DeepSeek-V2 report, section 3.2.3: 172.8K H800 hours per trillion"};
  static const StatedRun k67B{
      "deepseek-67b",   "h800",
      300.6e3,          4096,
      PlanDtype::kBF16, "DeepSeek-V2 report, section 3.2.3: DeepSeek 67B, 300.6K per trillion"};
  if (dtype == PlanDtype::kFP8) return kV3;
  return has_experts ? kV2 : k67B;
}

double yardstick(const Device& device, PlanDtype dtype) {
  return dtype == PlanDtype::kF32 ? device.f32 : device.bf16;
}

double share_of_peak(const ModelShape& shape, const Device& device, PlanDtype dtype, double length,
                     double tokens_per_second, bool full) {
  return shape.flops.train(length, full) * tokens_per_second / yardstick(device, dtype);
}

Result<double> stated_share(const StatedRun& run) {
  R1_TRY(const std::string json, published_config(run.model));
  R1_TRY(const ModelConfig config, read_model_config(json));
  R1_TRY(const Device device, find_device(run.device));
  return share_of_peak(ModelShape(config), device, run.dtype, run.length,
                       tokens_per_second(run.hours_per_trillion), true);
}

double device_hours(const ModelShape& shape, const Device& device, PlanDtype dtype, double tokens,
                    double length, double share) {
  return tokens * shape.flops.train(length, true) / (share * yardstick(device, dtype)) / 3600;
}

Result<double> parse_count(const std::string& text) {
  std::string digits = text;
  double times = 1;
  const std::string units = "KMBT";
  if (!digits.empty()) {
    const auto unit =
        units.find(static_cast<char>(std::toupper(static_cast<unsigned char>(digits.back()))));
    if (unit != std::string::npos) {
      for (size_t i = 0; i <= unit; ++i) times *= 1000;
      digits.pop_back();
    }
  }
  const auto value = positive(digits);
  if (!value) return fail("'{}' is not a number of tokens; write 14.8T, 300B, 50M or 1e9", text);
  return *value * times;
}

Result<PhaseSize> parse_phase(const std::string& text) {
  const size_t first = text.find('x'), second = text.find('x', first + 1);
  if (first != std::string::npos && second != std::string::npos) {
    const auto steps = positive(std::string_view(text).substr(0, first));
    const auto sequences = positive(std::string_view(text).substr(first + 1, second - first - 1));
    const auto length = positive(std::string_view(text).substr(second + 1));
    if (steps && sequences && length) return PhaseSize{*steps, *sequences, *length};
  }
  return fail("phase '{}' is not STEPSxSEQUENCESxLENGTH, as 1000x1920x32768", text);
}

}  // namespace r1
