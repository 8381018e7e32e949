// RMSNorm as a module.                                                     [Zhang & Sennrich 2019,
// eq. 4]
#pragma once

#include "kernels/rmsnorm.h"
#include "nn/context.h"
#include "nn/parameter.h"

namespace r1 {

struct RmsNorm {
  Parameter weight;  // (C)
  float eps = 1e-6f;

  struct Saved {
    Tensor x, rstd;  // (N, C), (N)
  };

  void shape(int64_t C, float norm_eps) {
    weight.shape = {C};
    weight.keep_f32 = true;
    eps = norm_eps;
  }

  Tensor forward(Context& ctx, Tensor x, Saved* saved) const {
    Tensor y = ctx.f32({x.rows(), x.cols()}), rstd = ctx.f32({x.rows()});
    rmsnorm_forward(ctx.launch, y, rstd, x, weight.weight, eps);
    if (saved) *saved = {x, rstd};
    return y;
  }

  /// dx is added to: the residual stream's gradient passes by.
  void backward(Context& ctx, Tensor dx, Tensor dy, const Saved& saved) const {
    rmsnorm_backward(ctx.launch, dx, weight.grad, dy, saved.x, saved.rstd, weight.weight);
  }
};

}  // namespace r1
