#include "nn/lm_head.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/cross_entropy.h"

namespace r1 {
namespace {

Tensor gather(Context& ctx, Tensor h, std::span<const int32_t> rows) {
  Tensor x = ctx.f32({static_cast<int64_t>(rows.size()), h.cols()});
  if (ctx.plans()) return x;
  for (size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(x.row(i), h.row(rows[i]), sizeof(float) * h.cols());
  }
  return x;
}

Tensor part(Tensor flat, int64_t begin, int64_t n) {
  Tensor view(nullptr, Dtype::kF32, {n});
  if (flat.data) view.data = flat.f32() + begin;
  return view;
}

}  // namespace

Tensor LmHead::logits(Context& ctx, Tensor h, std::span<const int32_t> rows) const {
  Tensor x = norm.forward(ctx, gather(ctx, h, rows), nullptr);
  return projection.forward(ctx, x);
}

TokenScores LmHead::score(Context& ctx, Tensor h, const LossRows& loss) const {
  const int64_t n = static_cast<int64_t>(loss.rows.size());
  TokenScores scores{ctx.f32({n}), ctx.f32({n}), ctx.f32({n})};
  const std::vector<float> inverse(kChunk, loss.inverse_temperature);
  for (int64_t i = 0; i < n; i += kChunk) {
    ArenaScope scope(ctx.arena);
    const int64_t m = std::min(kChunk, n - i);
    Tensor z = logits(ctx, h, loss.rows.subspan(i, m));
    cross_entropy_forward(ctx.launch, part(scores.logp, i, m), part(scores.entropy, i, m),
                          part(scores.lse, i, m), z, loss.targets.data() + i, inverse.data());
  }
  return scores;
}

void LmHead::backward(Context& ctx, Tensor dh, Tensor h, const LossRows& loss,
                      const TokenScores& scores, Tensor dlogp, Tensor dentropy) const {
  if (!ctx.plans()) std::memset(dh.data, 0, static_cast<size_t>(dh.nbytes()));
  const int64_t n = static_cast<int64_t>(loss.rows.size());
  const std::vector<float> inverse(kChunk, loss.inverse_temperature);
  for (int64_t i = 0; i < n; i += kChunk) {
    ArenaScope scope(ctx.arena);
    const int64_t m = std::min(kChunk, n - i);
    const auto rows = loss.rows.subspan(i, m);
    RmsNorm::Saved saved;
    Tensor x = norm.forward(ctx, gather(ctx, h, rows), &saved);
    Tensor z = projection.forward(ctx, x);
    cross_entropy_backward(ctx.launch, z, loss.targets.data() + i, inverse.data(),
                           part(scores.lse, i, m), part(scores.entropy, i, m), part(dlogp, i, m),
                           part(dentropy, i, m));
    backward_rows(ctx, dh, rows, x, z, saved);
  }
}

void LmHead::backward(Context& ctx, Tensor dh, Tensor h, std::span<const int32_t> rows,
                      Tensor dlogits) const {
  if (!ctx.plans()) std::memset(dh.data, 0, static_cast<size_t>(dh.nbytes()));
  ArenaScope scope(ctx.arena);
  RmsNorm::Saved saved;
  Tensor x = norm.forward(ctx, gather(ctx, h, rows), &saved);
  backward_rows(ctx, dh, rows, x, dlogits, saved);
}

void LmHead::backward_rows(Context& ctx, Tensor dh, std::span<const int32_t> rows, Tensor x,
                           Tensor dlogits, const RmsNorm::Saved& saved) const {
  const int64_t n = x.rows(), C = x.cols();
  // z = x Wᵀ
  Tensor dx = ctx.f32({n, C});
  projection.backward(ctx, dx, dlogits, x, false);
  Tensor dgathered = ctx.arena.zeros(Dtype::kF32, {n, C});
  norm.backward(ctx, dgathered, dx, saved);
  if (ctx.plans()) return;
  for (int64_t r = 0; r < n; ++r) {
    std::memcpy(dh.row(rows[r]), dgathered.row(r), sizeof(float) * C);
  }
}

}  // namespace r1
