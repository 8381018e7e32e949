// Hours and money: devices, how much of them published runs have used, and what follows for others.
#pragma once

#include <optional>

#include "models/plan_layout.h"

namespace r1 {

struct Device {
  std::string name, title;
  double bf16 = 0, fp8 = 0, f32 = 0;  // FLOP/s, dense; 0: it has none
  double memory = 0;                  // bytes
  double bandwidth = 0;               // bytes/s
  double price = 0;                   // dollars an hour; 0: not known
  std::string source;
};
/// The error names those that there are.
Result<Device> find_device(const std::string& name);
const std::vector<Device>& known_devices();

/// A published run whose speed was stated: the ground of every efficiency that is not given.
struct StatedRun {
  std::string model, device;  // names of published_config and find_device
  double hours_per_trillion;  // of one device, for 10^12 tokens
  double length;              // tokens of a sequence
  PlanDtype dtype;
  std::string source;
};
/// The nearest in kind: in FP8 DeepSeek-V3, in bf16 with experts DeepSeek-V2, else DeepSeek 67B.
const StatedRun& stated_run(PlanDtype dtype, bool has_experts);

/// Tokens a second of one device.
inline double tokens_per_second(double hours_per_trillion) {
  return 1e12 / (hours_per_trillion * 3600);
}

/// The FLOP/s that shares of peak are shares of: of bf16 for FP8 too, as DeepSeek counts.
double yardstick(const Device& device, PlanDtype dtype);

/// Share of peak with these tokens a second on one device. MTP is not counted, as in the published
/// shares: it is a cost of training, like recomputed activations.
double share_of_peak(const ModelShape& shape, const Device& device, PlanDtype dtype, double length,
                     double tokens_per_second, bool full);

/// The same of a stated run, whole square. The error: what it names is not there (not ours to
/// make).
Result<double> stated_share(const StatedRun& run);

/// Hours of one device for so many tokens at a share of peak (whole square).
double device_hours(const ModelShape& shape, const Device& device, PlanDtype dtype, double tokens,
                    double length, double share);

/// "14.8T", "300B", "1.5e12", "2000000". The error says what is taken.
Result<double> parse_count(const std::string& text);

/// "1000x1920x32768": steps, sequences, length.
struct PhaseSize {
  double steps = 0, sequences = 0, length = 0;
  double tokens() const { return steps * sequences * length; }
};
Result<PhaseSize> parse_phase(const std::string& text);

}  // namespace r1
