#include "nn/moe.h"

#include <cstring>

#include "kernels/slots.h"
#include "nn/expert_tally.h"

namespace r1 {
namespace {

/// (rows, cols) from element `first` of a flat array on.
Tensor part(Tensor flat, int64_t first, int64_t rows, int64_t cols) {
  float* data = flat.data ? flat.f32() + first : nullptr;
  return Tensor(data, Dtype::kF32, {rows, cols});
}

}  // namespace

Tensor Moe::routed_part(Tensor flat, int64_t n_slots) const {
  return part(flat, 0, n_slots, experts[0].gate_proj.out());
}

Tensor Moe::shared_part(Tensor flat, int64_t n_slots) const {
  const int64_t F = experts[0].gate_proj.out();
  return part(flat, n_slots * F, n_slots / routing.top_k, shared_width());
}

/// body(expert, first slot, last slot + 1) for every expert that has rows.
void Moe::for_each_group(const Context& ctx, const Routes& routes, auto&& body) const {
  if (ctx.plans()) return;
  const int32_t* offsets = routes.offsets.i32();
  for (size_t e = 0; e < experts.size(); ++e) {
    if (offsets[e] < offsets[e + 1]) body(experts[e], offsets[e], offsets[e + 1]);
  }
}

void Moe::forward(Context& ctx, Tensor h, Tensor x, Saved* saved) const {
  const int64_t N = x.rows(), n_slots = N * routing.top_k, C = x.cols();
  const int64_t width = n_slots * experts[0].gate_proj.out() + N * shared_width();
  const Routes routes = route(ctx, routing, gate.forward(ctx, x), e_score_correction_bias.weight);
  Tensor xs = ctx.f32({n_slots, C}), ys = ctx.f32({n_slots, C});
  Tensor gates = ctx.f32({width}), ups = ctx.f32({width}), act = saved ? ctx.f32({width}) : gates;
  gather_slots(ctx.launch, xs, x, routes.rows);
  std::vector<LinearJob> into, out;
  const Tensor slot_gates = routed_part(gates, n_slots), slot_ups = routed_part(ups, n_slots);
  const Tensor slot_act = routed_part(act, n_slots);
  for_each_group(ctx, routes, [&](const Mlp& expert, int64_t begin, int64_t end) {
    const Tensor in = xs.slice_rows(begin, end);
    into.push_back({&expert.gate_proj, slot_gates.slice_rows(begin, end), in});
    into.push_back({&expert.up_proj, slot_ups.slice_rows(begin, end), in});
    out.push_back({&expert.down_proj, ys.slice_rows(begin, end), slot_act.slice_rows(begin, end)});
  });
  if (has_shared()) {
    into.push_back({&shared_experts.gate_proj, shared_part(gates, n_slots), x});
    into.push_back({&shared_experts.up_proj, shared_part(ups, n_slots), x});
    out.push_back({&shared_experts.down_proj, h, shared_part(act, n_slots), true});
  }
  forward_each(ctx, into);
  swiglu_forward(ctx.launch, act, gates, ups);
  forward_each(ctx, out);
  combine_slots(ctx.launch, h, ys, routes.slots, routes.weights, true);
  if (saved) *saved = {x, routes, xs, ys, gates, ups, act};
}

Tensor Moe::backward(Context& ctx, Tensor dh, const Saved& s) const {
  const int64_t n_slots = s.xs.rows(), C = dh.cols();
  Tensor dx = ctx.f32({dh.rows(), C});
  ArenaScope scope(ctx.arena);
  // h += shared(x) + Σ weight ys
  Tensor dys = ctx.f32({n_slots, C}), dweights = ctx.f32({dh.rows(), routing.top_k});
  combine_slots_backward(ctx.launch, dys, dweights, dh, s.ys, s.routes.slots, s.routes.weights);
  // ys = act Wdownᵀ, gate = xs Wgateᵀ, up = xs Wupᵀ
  Tensor dgate = ctx.f32({s.act.numel()}), dup = ctx.f32({s.act.numel()});
  Tensor dxs = ctx.f32({n_slots, C});
  const Tensor slot_act = routed_part(s.act, n_slots), slot_dgate = routed_part(dgate, n_slots);
  const Tensor slot_dup = routed_part(dup, n_slots);
  std::vector<LinearBackwardJob> out, into;
  for_each_group(ctx, s.routes, [&](const Mlp& expert, int64_t begin, int64_t end) {
    const Tensor d = dxs.slice_rows(begin, end), in = s.xs.slice_rows(begin, end);
    const Tensor dg = slot_dgate.slice_rows(begin, end), du = slot_dup.slice_rows(begin, end);
    out.push_back(
        {&expert.down_proj, dg, dys.slice_rows(begin, end), slot_act.slice_rows(begin, end)});
    into.push_back({&expert.gate_proj, d, dg, in});
    into.push_back({&expert.up_proj, d, du, in, true});
  });
  if (has_shared()) {
    const Tensor dg = shared_part(dgate, n_slots), du = shared_part(dup, n_slots);
    out.push_back({&shared_experts.down_proj, dg, dh, shared_part(s.act, n_slots)});
    into.push_back({&shared_experts.gate_proj, dx, dg, s.x});
    into.push_back({&shared_experts.up_proj, dx, du, s.x, true});
  }
  backward_each(ctx, out);
  // act = silu(gate) up
  swiglu_backward(ctx.launch, dgate, dup, dgate, s.gate, s.up);
  backward_each(ctx, into);
  combine_slots(ctx.launch, dx, dxs, s.routes.slots, Tensor(), has_shared());
  // weights = routing(x Wᵀ)
  const Tensor dscores = ctx.experts ? ctx.experts->add(ctx, place, s.routes) : Tensor();
  gate.backward(ctx, dx, route_backward(ctx, routing, s.routes, dweights, dscores), s.x, true);
  return dx;
}

}  // namespace r1
