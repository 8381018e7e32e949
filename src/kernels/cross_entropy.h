// Log-probability and entropy of rows of logits, and their gradient.
#pragma once

#include "kernels/backend.h"

namespace r1 {

struct CrossEntropyKernels {
  /// logits (N, V), targets (N), inverse_temperature (N) -> logp (N), entropy (N), lse (N).
  /// z = logits / T;  lse = max z + ln Σ exp(z − max z);  logp = z_target − lse;
  /// entropy = ln S − Σ exp(z − max z)(z − max z) / S, in nats, of softmax(z).
  void (*forward)(const Launch&, Tensor logp, Tensor entropy, Tensor lse, Tensor logits,
                  const int32_t* targets, const float* inverse_temperature);
  /// logits become their own gradient, p = exp(z − lse):
  /// dlogit_i = (dlogp (1[i = target] − p_i) − dentropy p_i (z_i − lse + entropy)) / T.
  void (*backward)(const Launch&, Tensor logits, const int32_t* targets,
                   const float* inverse_temperature, Tensor lse, Tensor entropy, Tensor dlogp,
                   Tensor dentropy);
};
const CrossEntropyKernels& cross_entropy_kernels(Backend);

void cross_entropy_forward(const Launch&, Tensor logp, Tensor entropy, Tensor lse, Tensor logits,
                           const int32_t* targets, const float* inverse_temperature);
void cross_entropy_backward(const Launch&, Tensor logits, const int32_t* targets,
                            const float* inverse_temperature, Tensor lse, Tensor entropy,
                            Tensor dlogp, Tensor dentropy);

}  // namespace r1
