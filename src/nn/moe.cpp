#include "nn/moe.h"

#include <cstring>

namespace r1 {
namespace {

/// to (N K, C): the row of each slot.
void gather(const Launch& launch, Tensor to, Tensor x, const Routes& routes) {
  if (launch.plans()) return;
  const int32_t* rows = routes.rows.i32();
  launch.pool->parallel_for(to.rows(), 64, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) {
      std::memcpy(to.row(s), x.row(rows[s]), sizeof(float) * x.cols());
    }
  });
}

/// y (N, C) += Σ_k weight_k ys[slot_k]; without weights, Σ_k ys[slot_k].
void combine(const Launch& launch, Tensor y, Tensor ys, const Routes& routes, bool weighted) {
  if (launch.plans()) return;
  const int64_t K = routes.slots.cols(), C = y.cols();
  launch.pool->parallel_for(y.rows(), 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      for (int64_t k = 0; k < K; ++k) {
        const float* from = ys.row(routes.slots.i32()[n * K + k]);
        const float weight = weighted ? routes.weights.row(n)[k] : 1.0f;
        for (int64_t c = 0; c < C; ++c) y.row(n)[c] += weight * from[c];
      }
    }
  });
}

/// dys[slot] = weight dy,  dweight = dy · ys[slot].
void combine_backward(const Launch& launch, Tensor dys, Tensor dweights, Tensor dy, Tensor ys,
                      const Routes& routes) {
  if (launch.plans()) return;
  const int64_t K = routes.slots.cols(), C = dy.cols();
  launch.pool->parallel_for(dy.rows(), 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      for (int64_t k = 0; k < K; ++k) {
        const int32_t slot = routes.slots.i32()[n * K + k];
        const float weight = routes.weights.row(n)[k];
        float dot = 0.0f;
        for (int64_t c = 0; c < C; ++c) {
          dot += dy.row(n)[c] * ys.row(slot)[c];
          dys.row(slot)[c] = weight * dy.row(n)[c];
        }
        dweights.row(n)[k] = dot;
      }
    }
  });
}

/// body(expert, first slot, last slot + 1) for every expert that has rows.
void for_each_expert(Context& ctx, const Moe& moe, const Routes& routes, const auto& body) {
  if (ctx.plans()) return;
  const int32_t* offsets = routes.offsets.i32();
  for (size_t e = 0; e < moe.experts.size(); ++e) {
    if (offsets[e] < offsets[e + 1]) body(moe.experts[e], offsets[e], offsets[e + 1]);
  }
}

}  // namespace

void Moe::forward(Context& ctx, Tensor h, Tensor x, Saved* saved) const {
  const int64_t n_slots = x.rows() * routing.top_k, C = x.cols(), F = experts[0].gate_proj.out();
  const Routes routes = route(ctx, routing, gate.forward(ctx, x), e_score_correction_bias.weight);
  Tensor xs = ctx.f32({n_slots, C}), ys = ctx.f32({n_slots, C});
  Tensor gates = ctx.f32({n_slots, F}), ups = ctx.f32({n_slots, F});
  Tensor act = saved ? ctx.f32({n_slots, F}) : gates;
  gather(ctx.launch, xs, x, routes);
  for_each_expert(ctx, *this, routes, [&](const Mlp& expert, int64_t begin, int64_t end) {
    const Tensor in = xs.slice_rows(begin, end);
    expert.gate_proj.forward(ctx, gates.slice_rows(begin, end), in, false);
    expert.up_proj.forward(ctx, ups.slice_rows(begin, end), in, false);
  });
  swiglu_forward(ctx.launch, act, gates, ups);
  for_each_expert(ctx, *this, routes, [&](const Mlp& expert, int64_t begin, int64_t end) {
    expert.down_proj.forward(ctx, ys.slice_rows(begin, end), act.slice_rows(begin, end), false);
  });
  combine(ctx.launch, h, ys, routes, true);
  if (has_shared()) shared_experts.forward(ctx, h, x, saved ? &saved->shared : nullptr);
  if (!saved) return;
  saved->x = x;
  saved->routes = routes;
  saved->xs = xs;
  saved->gate = gates;
  saved->up = ups;
  saved->act = act;
  saved->ys = ys;
}

Tensor Moe::backward(Context& ctx, Tensor dh, const Saved& s) const {
  const int64_t n_slots = s.xs.rows(), C = dh.cols(), F = s.act.cols();
  Tensor dx = has_shared() ? shared_experts.backward(ctx, dh, s.shared)
                           : ctx.arena.zeros(Dtype::kF32, {dh.rows(), C});
  ArenaScope scope(ctx.arena);
  // h += Σ weight ys
  Tensor dys = ctx.f32({n_slots, C}), dweights = ctx.f32({dh.rows(), routing.top_k});
  combine_backward(ctx.launch, dys, dweights, dh, s.ys, s.routes);
  // ys = act Wdownᵀ
  Tensor dact = ctx.f32({n_slots, F}), dup = ctx.f32({n_slots, F});
  for_each_expert(ctx, *this, s.routes, [&](const Mlp& expert, int64_t begin, int64_t end) {
    expert.down_proj.backward(ctx, dact.slice_rows(begin, end), dys.slice_rows(begin, end),
                              s.act.slice_rows(begin, end), false);
  });
  // act = silu(gate) up
  swiglu_backward(ctx.launch, dact, dup, dact, s.gate, s.up);
  // gate = xs Wgateᵀ, up = xs Wupᵀ
  Tensor dxs = dys;
  for_each_expert(ctx, *this, s.routes, [&](const Mlp& expert, int64_t begin, int64_t end) {
    const Tensor d = dxs.slice_rows(begin, end), in = s.xs.slice_rows(begin, end);
    expert.gate_proj.backward(ctx, d, dact.slice_rows(begin, end), in, false);
    expert.up_proj.backward(ctx, d, dup.slice_rows(begin, end), in, true);
  });
  combine(ctx.launch, dx, dxs, s.routes, false);
  // weights = routing(x Wᵀ)
  gate.backward(ctx, dx, route_backward(ctx, routing, s.routes, dweights), s.x, true);
  return dx;
}

}  // namespace r1
