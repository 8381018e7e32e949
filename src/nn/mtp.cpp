#include "nn/mtp.h"

#include <cstring>

namespace r1 {
namespace {

/// (N, 2 C): a beside b.
void join(const Launch& launch, Tensor joined, Tensor a, Tensor b) {
  if (launch.plans()) return;
  const int64_t C = a.cols();
  launch.pool->parallel_for(a.rows(), 64, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      std::memcpy(joined.row(n), a.row(n), sizeof(float) * C);
      std::memcpy(joined.row(n) + C, b.row(n), sizeof(float) * C);
    }
  });
}

/// The transpose of join.
void part(const Launch& launch, Tensor a, Tensor b, Tensor joined) {
  if (launch.plans()) return;
  const int64_t C = a.cols();
  launch.pool->parallel_for(a.rows(), 64, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      std::memcpy(a.row(n), joined.row(n), sizeof(float) * C);
      std::memcpy(b.row(n), joined.row(n) + C, sizeof(float) * C);
    }
  });
}

}  // namespace

Tensor Mtp::forward(Context& ctx, const Rows& rows, int64_t layer, Tensor e, Tensor h,
                    Saved* saved) const {
  const int64_t N = h.rows(), C = h.cols();
  const auto input = [&](Tensor x) {
    Tensor normed_e = enorm.forward(ctx, e, saved ? &saved->enorm : nullptr);
    Tensor normed_h = hnorm.forward(ctx, h, saved ? &saved->hnorm : nullptr);
    join(ctx.launch, x, normed_e, normed_h);
  };
  Tensor y = ctx.f32({N, C});
  if (saved) {
    saved->x = ctx.f32({N, 2 * C});
    input(saved->x);
    eh_proj.forward(ctx, y, saved->x, false);
    return block.forward(ctx, rows, layer, y, &saved->block);
  }
  {
    ArenaScope scope(ctx.arena);
    Tensor x = ctx.f32({N, 2 * C});
    input(x);
    eh_proj.forward(ctx, y, x, false);
  }
  return block.forward(ctx, rows, layer, y, nullptr);
}

void Mtp::backward(Context& ctx, const Rows& rows, int64_t layer, Tensor de, Tensor dh, Tensor dy,
                   const Saved& saved) const {
  block.backward(ctx, rows, layer, dy, saved.block);
  ArenaScope scope(ctx.arena);
  const int64_t N = dy.rows(), C = dy.cols();
  // y = [enorm(e); hnorm(h)] Wᵀ
  Tensor dx = ctx.f32({N, 2 * C}), dnormed_e = ctx.f32({N, C}), dnormed_h = ctx.f32({N, C});
  eh_proj.backward(ctx, dx, dy, saved.x, false);
  part(ctx.launch, dnormed_e, dnormed_h, dx);
  enorm.backward(ctx, de, dnormed_e, saved.enorm);
  hnorm.backward(ctx, dh, dnormed_h, saved.hnorm);
}

}  // namespace r1
