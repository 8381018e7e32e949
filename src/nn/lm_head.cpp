#include "nn/lm_head.h"

#include <algorithm>
#include <cstring>
#include <limits>
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

/// Rows first … of a loss: logits of tokens outside their kept ones become -inf.
void restrict_rows(const Launch& launch, Tensor logits, const LossRows& loss, int64_t first) {
  if (loss.kept.empty() || launch.plans()) return;
  launch.pool->parallel_for(logits.rows(), 4, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const std::vector<int32_t>* kept = loss.kept[first + n];
      if (!kept || kept->empty()) continue;
      float* z = logits.row(n);
      int64_t next = 0;
      for (int32_t token : *kept) {
        std::fill(z + next, z + token, -std::numeric_limits<float>::infinity());
        next = token + 1;
      }
      std::fill(z + next, z + logits.cols(), -std::numeric_limits<float>::infinity());
    }
  });
}

/// How many targets have the largest logit of their row.
int64_t count_best(const Launch& launch, Tensor logits, const int32_t* targets) {
  if (launch.plans()) return 0;
  std::vector<uint8_t> is_best(logits.rows(), 0);
  launch.pool->parallel_for(logits.rows(), 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const float* z = logits.row(n);
      const float target = z[targets[n]];
      is_best[n] = std::none_of(z, z + logits.cols(), [&](float other) { return other > target; });
    }
  });
  return std::count(is_best.begin(), is_best.end(), 1);
}

}  // namespace

Tensor LmHead::logits(Context& ctx, Tensor h, std::span<const int32_t> rows,
                      const RmsNorm* other) const {
  Tensor x = (other ? *other : norm).forward(ctx, gather(ctx, h, rows), nullptr);
  return projection.forward(ctx, x);
}

TokenScores LmHead::score(Context& ctx, Tensor h, const LossRows& loss, int64_t* n_best) const {
  const int64_t n = static_cast<int64_t>(loss.rows.size());
  TokenScores scores{ctx.f32({n}), ctx.f32({n}), ctx.f32({n})};
  const std::vector<float> inverse(kChunk, loss.inverse_temperature);
  for (int64_t i = 0; i < n; i += kChunk) {
    ArenaScope scope(ctx.arena);
    const int64_t m = std::min(kChunk, n - i);
    Tensor z = logits(ctx, h, loss.rows.subspan(i, m), loss.norm);
    restrict_rows(ctx.launch, z, loss, i);
    if (n_best) *n_best += count_best(ctx.launch, z, loss.targets.data() + i);
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
  const RmsNorm& before = loss.norm ? *loss.norm : norm;
  for (int64_t i = 0; i < n; i += kChunk) {
    ArenaScope scope(ctx.arena);
    const int64_t m = std::min(kChunk, n - i);
    const auto rows = loss.rows.subspan(i, m);
    RmsNorm::Saved saved;
    Tensor x = before.forward(ctx, gather(ctx, h, rows), &saved);
    Tensor z = projection.forward(ctx, x);
    restrict_rows(ctx.launch, z, loss, i);
    cross_entropy_backward(ctx.launch, z, loss.targets.data() + i, inverse.data(),
                           part(scores.lse, i, m), part(scores.entropy, i, m), part(dlogp, i, m),
                           part(dentropy, i, m));
    backward_rows(ctx, dh, rows, x, z, before, saved, loss.is_frozen);
  }
}

void LmHead::backward(Context& ctx, Tensor dh, Tensor h, std::span<const int32_t> rows,
                      Tensor dlogits) const {
  if (!ctx.plans()) std::memset(dh.data, 0, static_cast<size_t>(dh.nbytes()));
  ArenaScope scope(ctx.arena);
  RmsNorm::Saved saved;
  Tensor x = norm.forward(ctx, gather(ctx, h, rows), &saved);
  backward_rows(ctx, dh, rows, x, dlogits, norm, saved, false);
}

void LmHead::backward_each(Context& ctx, Tensor dh, Tensor h, std::span<const int32_t> rows,
                           const LogitsUse& use) const {
  if (!ctx.plans()) std::memset(dh.data, 0, static_cast<size_t>(dh.nbytes()));
  const int64_t n = static_cast<int64_t>(rows.size());
  for (int64_t i = 0; i < n; i += kChunk) {
    ArenaScope scope(ctx.arena);
    const auto chunk = rows.subspan(i, std::min(kChunk, n - i));
    RmsNorm::Saved saved;
    Tensor x = norm.forward(ctx, gather(ctx, h, chunk), &saved);
    Tensor z = projection.forward(ctx, x);
    use(i, z);
    backward_rows(ctx, dh, chunk, x, z, norm, saved, false);
  }
}

void LmHead::backward_rows(Context& ctx, Tensor dh, std::span<const int32_t> rows, Tensor x,
                           Tensor dlogits, const RmsNorm& before, const RmsNorm::Saved& saved,
                           bool is_frozen) const {
  const int64_t n = x.rows(), C = x.cols();
  // z = x Wᵀ
  Tensor dx = ctx.f32({n, C});
  if (is_frozen) {
    gemm(ctx.launch, dx, dlogits, projection.weight.panels_transposed, false);
  } else {
    projection.backward(ctx, dx, dlogits, x, false);
  }
  Tensor dgathered = ctx.arena.zeros(Dtype::kF32, {n, C});
  before.backward(ctx, dgathered, dx, saved);
  if (ctx.plans()) return;
  for (int64_t r = 0; r < n; ++r) {
    std::memcpy(dh.row(rows[r]), dgathered.row(r), sizeof(float) * C);
  }
}

}  // namespace r1
