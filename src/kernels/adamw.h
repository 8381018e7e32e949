// The AdamW update and the squared norm that clips it.                  [Loshchilov & Hutter 2019,
// alg. 2]
#pragma once

#include "kernels/backend.h"

namespace r1 {

struct AdamWStep {
  float lr, beta1, beta2, eps, weight_decay;
  float correction1, correction2;  // 1 / (1 − beta^t)
  float gradient_scale;            // from clipping; 1 when the norm is small enough
};

struct AdamWKernels {
  /// g = gradient scale; m = β1 m + (1−β1) g; v = β2 v + (1−β2) g²;
  /// w = w (1 − lr λ) − lr (m c1) / (sqrt(v c2) + eps). All f32, same shape; m and v may both be
  /// bf16: rounded once more as they are stored.
  void (*step)(const Launch&, Tensor w, Tensor m, Tensor v, Tensor gradient, const AdamWStep&);
  /// Σ x², in double: chunks of 4096 elements in 16 lanes (f32 product, double sum); chunk i is
  /// added to slot i mod 256, ascending; then the slots, ascending.
  double (*sum_of_squares)(const Launch&, Tensor x);
};
constexpr int64_t kNormChunk = 4096, kNormSlots = 256;
const AdamWKernels& adamw_kernels(Backend);

void adamw_step(const Launch&, Tensor w, Tensor m, Tensor v, Tensor gradient, const AdamWStep&);
double sum_of_squares(const Launch&, Tensor x);

}  // namespace r1
