// Root-mean-square normalisation of rows.                                  [Zhang & Sennrich 2019,
// eq. 4]
#pragma once

#include "kernels/backend.h"

namespace r1 {

struct RmsNormKernels {
  /// x (N, C)  weight (C)  ->  y (N, C)  rstd (N).  rstd = 1 / sqrt(mean x² + eps), y = (x rstd)
  /// weight.
  void (*forward)(const Launch&, Tensor y, Tensor rstd, Tensor x, Tensor weight, float eps);
  /// dx (N, C) and dweight (C) are added to. dx += rstd (dy w) − x rstd³ mean(dy w x).
  /// dweight sums rows ascending. dweight may be empty (a frozen norm).
  void (*backward)(const Launch&, Tensor dx, Tensor dweight, Tensor dy, Tensor x, Tensor rstd,
                   Tensor weight);
};
const RmsNormKernels& rmsnorm_kernels(Backend);

void rmsnorm_forward(const Launch&, Tensor y, Tensor rstd, Tensor x, Tensor weight, float eps);
void rmsnorm_backward(const Launch&, Tensor dx, Tensor dweight, Tensor dy, Tensor x, Tensor rstd,
                      Tensor weight);

}  // namespace r1
