// SwiGLU feed-forward: down(silu(gate(x)) · up(x)).                              [Shazeer 2020, eq.
// 6]
#pragma once

#include "kernels/pointwise.h"
#include "nn/linear.h"

namespace r1 {

struct Mlp {
  Linear gate_proj, up_proj, down_proj;  // (F, C), (F, C), (C, F)

  struct Saved {
    Tensor x, gate, up, act;  // (N, C), (N, F), (N, F), (N, F)
  };

  /// h (N, C) += mlp(x).
  void forward(Context& ctx, Tensor h, Tensor x, Saved* saved) const {
    Tensor gate = gate_proj.forward(ctx, x), up = up_proj.forward(ctx, x);
    Tensor act = saved ? ctx.f32({x.rows(), gate.cols()}) : gate;
    swiglu_forward(ctx.launch, act, gate, up);
    down_proj.forward(ctx, h, act, true);
    if (saved) *saved = {x, gate, up, act};
  }

  /// Returns dx (N, C) for dh (N, C).
  Tensor backward(Context& ctx, Tensor dh, const Saved& saved) const {
    Tensor dx = ctx.f32({dh.rows(), dh.cols()});
    ArenaScope scope(ctx.arena);
    // h += act Wdownᵀ
    Tensor dact = ctx.f32({dh.rows(), saved.act.cols()});
    down_proj.backward(ctx, dact, dh, saved.act, false);
    // act = silu(gate) up
    Tensor dup = ctx.f32({dh.rows(), saved.act.cols()});
    swiglu_backward(ctx.launch, dact, dup, dact, saved.gate, saved.up);
    // gate = x Wgateᵀ, up = x Wupᵀ
    gate_proj.backward(ctx, dx, dact, saved.x, false);
    up_proj.backward(ctx, dx, dup, saved.x, true);
    return dx;
  }

  void visit(auto&& f) {
    f("gate_proj.weight", gate_proj);
    f("up_proj.weight", up_proj);
    f("down_proj.weight", down_proj);
  }
};

}  // namespace r1
