#include "train/mtp.h"

#include <cmath>

#include "train/objectives.h"

namespace r1 {
namespace {

/// What the forward pass of one module leaves for its backward.
struct Pass {
  Batch::Ahead ahead;
  Rows rows;
  LossRows loss;
  Tensor h;
  TokenScores scores;
  Mtp::Saved saved;
};

Result<void> check_finite(const Pass& pass, size_t depth) {
  for (size_t i = 0; i < pass.ahead.rows.size(); ++i) {
    if (std::isfinite(pass.scores.logp.f32()[i])) continue;
    return fail(
        "the log-probability of row {} at depth {} of multi-token prediction is not finite; the "
        "weights or the learning rate have diverged",
        pass.ahead.rows[i], depth);
  }
  return {};
}

void add_rows(const Launch& launch, Tensor y, Tensor x) {
  if (launch.plans()) return;
  launch.pool->parallel_for(y.numel(), 1 << 14, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y.f32()[i] += x.f32()[i];
  });
}

/// dy (N, C) of the head, for the loss λ / D CE_k.
Tensor head_backward(Context& ctx, const Transformer& model, const Pass& pass, float scale,
                     double total, MtpLoss::Depth& depth) {
  const int64_t n = static_cast<int64_t>(pass.ahead.rows.size());
  Tensor dy = ctx.f32({pass.h.rows(), pass.h.cols()});
  Tensor dlogp = ctx.f32({n}), dentropy = ctx.arena.zeros(Dtype::kF32, {n});
  if (!ctx.plans()) {
    const size_t size = pass.ahead.rows.size();
    depth.loss +=
        nll({pass.scores.logp.f32(), size}, pass.ahead.weights, total, {dlogp.f32(), size});
    for (int64_t i = 0; i < n; ++i) dlogp.f32()[i] *= scale;
    depth.n += n;
  }
  model.head().backward(ctx, dy, pass.h, pass.loss, pass.scores, dlogp, dentropy);
  return dy;
}

}  // namespace

Result<void> MtpSchedule::validate() const {
  for (const auto& [name, value] : {std::pair{"mtp_loss_weight", mtp_loss_weight},
                                    std::pair{"mtp_loss_weight_end", mtp_loss_weight_end}}) {
    if (!(value >= 0) || !std::isfinite(value)) {
      return fail("{} is {}; it must be 0 (off) or more", name, value);
    }
  }
  if (mtp_loss_switch >= 0 && mtp_loss_switch <= 1) return {};
  return fail("mtp_loss_switch is {}; it is a share of all steps, from 0 to 1", mtp_loss_switch);
}

void MtpLoss::describe(Metrics& metrics) const {
  for (size_t k = 0; k < depths.size(); ++k) {
    const std::string depth = depths.size() > 1 ? fmt::format("/{}", k + 1) : "";
    const double n = static_cast<double>(std::max<int64_t>(1, depths[k].n));
    metrics.emplace_back("mtp_loss" + depth, depths[k].loss);
    metrics.emplace_back("mtp_accuracy" + depth, static_cast<double>(depths[k].n_best) / n);
  }
}

Result<void> add_mtp(Context& ctx, const Transformer& model, const Batch& batch,
                     float inverse_temperature, Tensor h, Tensor dh, MtpLoss& loss) {
  ArenaScope scope(ctx.arena);
  const RmsNorm& final_norm = model.head().norm;
  const size_t D = model.mtp().size();
  loss.depths.resize(D);
  RmsNorm::Saved normed;
  Tensor below = final_norm.forward(ctx, h, &normed);
  std::vector<Pass> passes(D);
  for (size_t k = 0; k < D; ++k) {
    Pass& pass = passes[k];
    pass.ahead = batch.ahead(static_cast<int64_t>(k) + 1);
    pass.rows = batch.rows();
    pass.rows.tokens = pass.ahead.tokens.data();
    pass.loss = {pass.ahead.rows, pass.ahead.targets, inverse_temperature, &model.mtp()[k].norm,
                 loss.is_detached};
    pass.h = model.mtp_forward(ctx, pass.rows, static_cast<int64_t>(k), below, &pass.saved);
    pass.scores = model.head().score(ctx, pass.h, pass.loss, &loss.depths[k].n_best);
    if (!ctx.plans()) R1_RETURN_IF_ERROR(check_finite(pass, k + 1));
    below = pass.h;
  }
  const float scale = loss.weight / static_cast<float>(D);
  Tensor from_above;
  for (size_t k = D; k-- > 0;) {
    Tensor dy = head_backward(ctx, model, passes[k], scale, loss.total, loss.depths[k]);
    if (!from_above.empty()) add_rows(ctx.launch, dy, from_above);
    from_above = ctx.arena.zeros(Dtype::kF32, {h.rows(), h.cols()});
    model.mtp_backward(ctx, passes[k].rows, static_cast<int64_t>(k), from_above, dy,
                       passes[k].saved, !loss.is_detached);
  }
  if (!loss.is_detached) final_norm.backward(ctx, dh, from_above, normed);
  return {};
}

}  // namespace r1
