// A model over many devices: who holds what, how many bytes that is, and how long pipes stand idle.
// [DeepSeek-V3, section 3.2; ZeRO: Rajbhandari et al. 2020]
#pragma once

#include "models/plan_shape.h"

namespace r1 {

enum class PlanDtype { kF32, kBF16, kFP8 };
enum class Schedule { k1F1B, kZB1P, kDualPipe };
enum class Recompute { kNone, kSelective, kFull };

struct Layout {
  int64_t gpus = 1, pp = 1, ep = 1, tp = 1;
  int64_t dp = 0;  // 0: what the others leave
  int zero = 1;    // sharded over dp: 1 masters and moments, 2 gradients too, 3 weights too
  Schedule schedule = Schedule::k1F1B;
  Recompute recompute = Recompute::kSelective;
  PlanDtype dtype = PlanDtype::kBF16;
  int64_t moment_bytes = 4, gradient_bytes = 4;  // of one element
  int64_t length = 4096, batch = 0,
          micro_batch = 1;  // tokens; sequences of a step (0: any); at once

  /// Micro-batches that one pipe runs in a step.
  int64_t n_micro_batches() const;
};

/// Fills in dp. The error says what does not divide, and which values would.
Result<Layout> check_layout(Layout layout, const ModelShape& shape);

/// What one device holds, in bytes.
struct DeviceBytes {
  int64_t parameters = 0;  // elements of the weights
  double weights = 0, masters = 0, moments = 0, gradients = 0, activations = 0;
  double total() const { return weights + masters + moments + gradients + activations; }
};

/// A device and its blocks; with DualPipe each device has two stages, and so two ranges.
struct StageMemory {
  int64_t stage = 0;
  std::string blocks;  // "embedding, layers 0-3"
  DeviceBytes bytes;
};
/// Of a checked layout: the device with the most bytes.
StageMemory heaviest_stage(const ModelShape& shape, const Layout& layout);

/// Elements that one block keeps per token for its backward pass, in bytes.
double activation_bytes(const ModelConfig& config, const Layout& layout, bool sparse,
                        Recompute recompute);

/// Time that a pipe stands idle in one step, in forwards of one micro-batch through one stage
/// (F = 1, B = 2, W = 1, an overlapped pair F & B = 3).                       [DeepSeek-V3, table
/// 2]
struct Bubble {
  Schedule schedule;
  const char* name;
  std::string formula, numbers;
  double idle = 0;
  double share = 0;       // of the step
  int64_t copies = 1;     // of the weights
  int64_t in_flight = 0;  // micro-batches whose activations a device holds
};
std::vector<Bubble> bubbles(const Layout& layout);

/// A change that makes a layout fit into so many bytes a device; "" when none of those tried does.
std::string advise(const ModelShape& shape, const Layout& layout, double device_bytes);

}  // namespace r1
