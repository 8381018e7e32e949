// Bytes of one device: weights, optimizer, gradients, activations.
#include <algorithm>

#include "models/plan_layout.h"

namespace r1 {
namespace {

double element_bytes(PlanDtype dtype) { return dtype == PlanDtype::kF32 ? 4 : 2; }

/// FP8 with one f32 scale for a block of 128 x 128.                     [DeepSeek-V3,
/// section 3.3.2]
constexpr double kFp8Bytes = 1 + 4.0 / (128 * 128);

/// All that saves memory without more devices.
constexpr const char* kLean = "--recompute full --moments bf16 --micro_batch 1 --zero 2";

/// Parameters on one device, by how they are held.
struct Held {
  double dense = 0;         // bf16 (or f32): embedding, head, routers, norms, projections
  double dense_linear = 0;  // attention, mlp, shared experts: FP8 where that is the type
  double experts = 0;

  double all() const { return dense + dense_linear + experts; }
};

void add_block(Held& held, const BlockCount& b, const Layout& l) {
  const double tp = static_cast<double>(l.tp), ep = static_cast<double>(l.ep);
  held.dense_linear +=
      static_cast<double>(b.heads + b.mlp + b.shared) / tp + static_cast<double>(b.latents);
  held.dense += static_cast<double>(b.router + b.vectors + b.projection);
  held.experts += static_cast<double>(b.experts) / ep;
}

/// Stages have equal numbers of blocks; the first ones take what is left over. MTP modules are the
/// last blocks.
struct Range {
  int64_t begin, end;
};

Range blocks_of(int64_t stage, int64_t n_blocks, int64_t pp) {
  const int64_t each = n_blocks / pp, more = n_blocks % pp;
  const int64_t begin = stage * each + std::min(stage, more);
  return {begin, begin + each + (stage < more ? 1 : 0)};
}

class Stage {
 public:
  Stage(const ModelShape& shape, const Layout& layout, int64_t stage)
      : shape_(shape),
        l_(layout),
        range_(blocks_of(stage, n_blocks(), layout.pp)),
        first_(stage == 0),
        last_(stage == layout.pp - 1) {}

  /// shares_embedding: the device has it from its other stage.
  Held held(bool shares_embedding = false) const {
    Held held;
    for (int64_t i = range_.begin; i < range_.end; ++i) add_block(held, block(i), l_);
    const double tp = static_cast<double>(l_.tp);
    const bool mtp_here = last_ && shape_.n_mtp() > 0;
    const bool tied_here = last_ && shape_.head == 0;
    const bool has_embedding = first_ || mtp_here || tied_here;
    if (has_embedding && !shares_embedding)
      held.dense += static_cast<double>(shape_.embedding) / tp;
    if (last_) {
      held.dense += static_cast<double>(shape_.head) / tp + static_cast<double>(shape_.final_norm);
    }
    return held;
  }

  /// Of one micro-batch.
  double kept() const {
    double bytes = 0;
    for (int64_t i = range_.begin; i < range_.end; ++i) bytes += block_bytes(i, l_.recompute);
    return bytes;
  }
  /// What is there once, however many micro-batches are in flight: logits, a block recomputed.
  double once() const {
    double largest = 0;
    for (int64_t i = range_.begin; i < range_.end && l_.recompute == Recompute::kFull; ++i) {
      largest = std::max(largest, block_bytes(i, Recompute::kNone));
    }
    const double logits = tokens() * static_cast<double>(shape_.config.vocab_size / l_.tp) * 4;
    return largest + (last_ ? logits : 0);
  }

  std::string words() const {
    const int64_t L = shape_.config.n_layers;
    std::string text = first_ ? "embedding, " : "";
    const int64_t end = std::min(range_.end, L);
    if (range_.begin < end) {
      text += end - range_.begin == 1 ? fmt::format("layer {}", range_.begin)
                                      : fmt::format("layers {}-{}", range_.begin, end - 1);
    }
    if (range_.end > L) text += range_.begin < L ? ", MTP" : "MTP";
    if (last_) text += ", head";
    return text;
  }

 private:
  int64_t n_blocks() const { return shape_.config.n_layers + shape_.n_mtp(); }
  double tokens() const { return static_cast<double>(l_.micro_batch * l_.length); }
  double block_bytes(int64_t i, Recompute recompute) const {
    const ModelConfig& c = shape_.config;
    const bool sparse = c.is_sparse(std::min(i, c.n_layers - 1));
    return tokens() * activation_bytes(c, l_, sparse, recompute);
  }
  const BlockCount& block(int64_t i) const {
    return i < shape_.config.n_layers ? shape_.blocks[static_cast<size_t>(i)] : shape_.mtp;
  }

  const ModelShape& shape_;
  const Layout& l_;
  Range range_;
  bool first_, last_;
};

double weight_bytes(const Held& h, PlanDtype dtype) {
  if (dtype != PlanDtype::kFP8) return h.all() * element_bytes(dtype);
  return h.dense * 2 + (h.dense_linear + h.experts) * kFp8Bytes;
}

/// Parameters of which this device keeps the optimizer's part.
double sharded(const Held& h, const Layout& l, bool on, int64_t copies) {
  if (!on) return h.all();
  const double dense = static_cast<double>(l.dp * copies);
  const double experts = static_cast<double>(l.dp * l.tp / l.ep * copies);
  return (h.dense + h.dense_linear) / dense + h.experts / experts;
}

DeviceBytes bytes_of(const Held& h, const Layout& l, int64_t copies) {
  DeviceBytes bytes;
  const double shard = sharded(h, l, l.zero >= 1, copies);
  bytes.parameters = static_cast<int64_t>(h.all());
  bytes.weights = weight_bytes(h, l.dtype);
  if (l.zero >= 3) bytes.weights *= sharded(h, l, true, copies) / h.all();
  bytes.masters = l.dtype == PlanDtype::kF32 ? 0 : 4 * shard;
  bytes.moments = 2 * static_cast<double>(l.moment_bytes) * shard;
  bytes.gradients = static_cast<double>(l.gradient_bytes) * sharded(h, l, l.zero >= 2, copies);
  return bytes;
}

/// Micro-batches in flight at a stage.
double in_flight(const Layout& l, int64_t stage) {
  double n = static_cast<double>(l.pp);
  if (l.schedule == Schedule::k1F1B) n = static_cast<double>(l.pp - stage);
  if (l.schedule == Schedule::kDualPipe) n = static_cast<double>(l.pp + 1) / 2;  // of each stage
  return l.batch > 0 ? std::min(n, static_cast<double>(l.n_micro_batches())) : n;
}

}  // namespace

double activation_bytes(const ModelConfig& c, const Layout& l, bool sparse, Recompute recompute) {
  const double full = element_bytes(l.dtype);
  if (recompute == Recompute::kFull) return full * static_cast<double>(c.d_model);
  const bool all = recompute == Recompute::kNone;
  const bool fp8 = l.dtype == PlanDtype::kFP8;
  const double narrow = fp8 ? 1 : full;    // inputs of SwiGLU, rows sent to experts
  const double output = fp8 ? 1.5 : full;  // of attention: E5M6
  const double C = static_cast<double>(c.d_model), tp = static_cast<double>(l.tp);
  const auto heads = [&](int64_t d) { return static_cast<double>(c.n_heads * d) / tp; };
  double bytes = full * 2 * C * (all ? 2 : 1);  // both residual inputs, and normalised
  if (c.is_mla()) {
    const MlaConfig& m = c.mla;
    const double latents = static_cast<double>(m.q_lora_rank + m.kv_lora_rank + m.qk_rope_head_dim);
    bytes += full * latents * (all ? 2 : 1) + output * heads(m.v_head_dim);
    if (all) bytes += full * heads(2 * c.head_dim + m.v_head_dim);
  } else {
    const double kv = static_cast<double>(2 * c.n_kv_heads * c.head_dim) / tp;
    bytes += full * (heads(c.head_dim) + kv) + output * heads(c.head_dim);
  }
  bytes += 4 * heads(1);            // sums of the softmax
  const double kept = all ? 3 : 2;  // gate, up and their product
  if (!sparse) return bytes + narrow * kept * static_cast<double>(c.d_ff) / tp;
  const double K = static_cast<double>(c.moe.routing.top_k);
  bytes += narrow * K * (kept * static_cast<double>(c.moe.d_ff) + C);
  if (all) bytes += full * K * C;  // outputs, for the gradient of the gates
  bytes += narrow * kept * static_cast<double>(c.moe.shared_d_ff) / tp;
  return bytes + 4 * static_cast<double>(c.moe.routing.n_experts);
}

StageMemory heaviest_stage(const ModelShape& shape, const Layout& l) {
  const bool dual = l.schedule == Schedule::kDualPipe && l.pp > 1;
  StageMemory worst;
  for (int64_t s = 0; s < (dual ? l.pp / 2 : l.pp); ++s) {
    const Stage stage(shape, l, s);
    Held held = stage.held();
    double activations = stage.kept() * in_flight(l, s) + stage.once();
    std::string words = stage.words();
    if (dual) {  // the device has the mirrored stage as well
      const Stage mirrored(shape, l, l.pp - 1 - s);
      const Held other = mirrored.held(s == 0);
      held.dense += other.dense;
      held.dense_linear += other.dense_linear;
      held.experts += other.experts;
      activations += mirrored.kept() * in_flight(l, s) + mirrored.once();
      words += " and ";
      words += mirrored.words();
    }
    StageMemory memory{s, words, bytes_of(held, l, dual ? 2 : 1)};
    memory.bytes.activations = activations;
    if (memory.bytes.total() > worst.bytes.total()) worst = memory;
  }
  return worst;
}

namespace {

bool fits(const ModelShape& shape, const Layout& layout, double device_bytes) {
  const auto checked = check_layout(layout, shape);
  return checked && heaviest_stage(shape, *checked).bytes.total() <= device_bytes;
}

/// More devices: the fewest that fit, with the shortest pipeline.
std::string advise_more(const ModelShape& shape, Layout lean, double device_bytes) {
  const int64_t blocks = shape.config.n_layers + shape.n_mtp();
  const int64_t experts = std::max<int64_t>(1, shape.config.moe.routing.n_experts);
  lean.dp = lean.batch = 0;
  for (int times = 0; times < 14; ++times, lean.gpus *= 2) {
    for (lean.pp = 1; lean.pp <= std::min(blocks, lean.gpus); lean.pp *= 2) {
      for (lean.ep = std::min(experts, lean.gpus); lean.ep >= 1; lean.ep /= 2) {
        if (!fits(shape, lean, device_bytes)) continue;
        return fmt::format("{} --gpus {} --pp {} --ep {}", kLean, lean.gpus, lean.pp, lean.ep);
      }
    }
  }
  return "";
}

}  // namespace

std::string advise(const ModelShape& shape, const Layout& layout, double device_bytes) {
  std::vector<std::pair<std::string, Layout>> tries;
  const auto add = [&](std::string words, auto&& change) {
    Layout l = layout;
    change(l);
    tries.emplace_back(std::move(words), l);
  };
  add("--recompute full", [](Layout& l) { l.recompute = Recompute::kFull; });
  add("--moments bf16", [](Layout& l) { l.moment_bytes = 2; });
  add("--zero 2", [](Layout& l) { l.zero = std::max(l.zero, 2); });
  add("--zero 3", [](Layout& l) { l.zero = 3; });
  add(kLean, [](Layout& l) {
    l.recompute = Recompute::kFull;
    l.moment_bytes = 2;
    l.micro_batch = 1;
    l.zero = std::max(l.zero, 2);
  });
  for (const auto& [words, changed] : tries) {
    if (fits(shape, changed, device_bytes)) return words;
  }
  return advise_more(shape, tries.back().second, device_bytes);
}

}  // namespace r1
