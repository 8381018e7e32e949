#include "models/plan_layout.h"

#include <algorithm>

namespace r1 {
namespace {

/// "16 or 32": the nearest values around n that `fits`.
template <class Fits>
std::string nearest(int64_t n, int64_t most, Fits&& fits) {
  std::string text;
  for (int64_t i = n - 1; i >= 1; --i) {
    if (!fits(i)) continue;
    text = std::to_string(i);
    break;
  }
  for (int64_t i = n + 1; i <= most; ++i) {
    if (!fits(i)) continue;
    if (!text.empty()) text += " or ";
    return text + std::to_string(i);
  }
  return text;
}

Result<void> check_positive(const Layout& l) {
  const std::pair<const char*, int64_t> sizes[] = {{"gpus", l.gpus},
                                                   {"pp", l.pp},
                                                   {"ep", l.ep},
                                                   {"tp", l.tp},
                                                   {"sequence_length", l.length},
                                                   {"micro_batch", l.micro_batch}};
  for (const auto& [name, value] : sizes) {
    if (value < 1 || value > (1 << 24)) {
      return fail("{} is {}; it must be from 1 to {}", name, value, 1 << 24);
    }
  }
  if (l.dp < 0 || l.batch < 0) return fail("dp and batch cannot be negative");
  if (l.zero < 0 || l.zero > 3) return fail("zero is {}; it is 0, 1, 2 or 3", l.zero);
  return {};
}

Result<void> check_parallel(const Layout& l, const ModelShape& shape) {
  const ModelConfig& c = shape.config;
  const int64_t blocks = c.n_layers + shape.n_mtp();
  if (l.pp > blocks) {
    return fail("pp is {}, and the model has {} blocks: at least one for each stage", l.pp, blocks);
  }
  if (c.n_heads % l.tp != 0) {
    return fail("tp is {}, and {} heads do not divide by it; {} would", l.tp, c.n_heads,
                nearest(l.tp, c.n_heads, [&](int64_t n) { return c.n_heads % n == 0; }));
  }
  const int64_t experts = c.moe.routing.n_experts;
  if (l.ep > 1 && experts == 0) return fail("ep is {}, and the model has no experts", l.ep);
  if (experts > 0 && experts % l.ep != 0) {
    return fail("ep is {}, and {} experts do not divide by it; {} would", l.ep, experts,
                nearest(l.ep, experts, [&](int64_t n) { return experts % n == 0; }));
  }
  return {};
}

Result<void> check_schedule(const Layout& l) {
  if (l.schedule == Schedule::kDualPipe && l.pp % 2 != 0) {
    return fail("pp is {}; DualPipe feeds from both ends and needs an even number: {} or {}", l.pp,
                l.pp - 1, l.pp + 1);
  }
  if (l.batch == 0) return {};
  const int64_t at_once = l.dp * l.micro_batch;
  if (l.batch % at_once != 0) {
    return fail(
        "batch is {} sequences, and dp {} x micro_batch {} = {} does not divide it; {} would",
        l.batch, l.dp, l.micro_batch, at_once, std::max<int64_t>(1, l.batch / at_once) * at_once);
  }
  if (l.schedule == Schedule::kDualPipe && l.n_micro_batches() % 2 != 0) {
    return fail("{} micro-batches in a pipe; DualPipe needs an even number: change batch",
                l.n_micro_batches());
  }
  return {};
}

}  // namespace

int64_t Layout::n_micro_batches() const {
  return batch == 0 || dp == 0 ? 0 : batch / (dp * micro_batch);
}

Result<Layout> check_layout(Layout l, const ModelShape& shape) {
  R1_RETURN_IF_ERROR(check_positive(l));
  R1_RETURN_IF_ERROR(check_parallel(l, shape));
  const int64_t pipe = l.pp * l.tp;
  if (l.gpus % pipe != 0) {
    return fail("{} GPUs do not divide by pp {} x tp {} = {}; {} GPUs would", l.gpus, l.pp, l.tp,
                pipe, nearest(l.gpus, l.gpus + pipe, [&](int64_t n) { return n % pipe == 0; }));
  }
  if (l.dp == 0) l.dp = l.gpus / pipe;
  if (l.dp * pipe != l.gpus) {
    return fail("pp {} x tp {} x dp {} are {} GPUs, not {}; leave dp away or set it to {}", l.pp,
                l.tp, l.dp, l.dp * pipe, l.gpus, l.gpus / pipe);
  }
  if (l.dp * l.tp % l.ep != 0) {
    return fail(
        "ep is {}, and the {} devices of one stage (dp {} x tp {}) do not divide by it; {} "
        "would",
        l.ep, l.dp * l.tp, l.dp, l.tp, nearest(l.ep, l.dp * l.tp, [&](int64_t n) {
          return l.dp * l.tp % n == 0 && shape.config.moe.routing.n_experts % n == 0;
        }));
  }
  R1_RETURN_IF_ERROR(check_schedule(l));
  return l;
}

std::vector<Bubble> bubbles(const Layout& l) {
  const int64_t pp = l.pp;
  const double p = static_cast<double>(pp);
  std::vector<Bubble> all{
      {Schedule::k1F1B, "1F1B", "(PP - 1) × (F + B)", fmt::format("({} - 1) × (1 + 2)", pp),
       (p - 1) * 3, 0, 1, pp},
      {Schedule::kZB1P, "ZB1P", "(PP - 1) × (F + B - 2 W)",
       fmt::format("({} - 1) × (1 + 2 - 2 × 1)", pp), p - 1, 0, 1, pp},
      {Schedule::kDualPipe, "DualPipe", "(PP / 2 - 1) × (F&B + B - 3 W)",
       fmt::format("({} / 2 - 1) × (3 + 2 - 3 × 1)", pp), (p / 2 - 1) * 2, 0, 2, pp + 1}};
  if (pp % 2 != 0) all.pop_back();
  const double work = 3.0 * static_cast<double>(l.n_micro_batches());
  for (Bubble& b : all) {
    if (work > 0) b.share = b.idle / (b.idle + work);
  }
  return all;
}

}  // namespace r1
