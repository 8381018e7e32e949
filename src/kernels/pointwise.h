// Element by element: SwiGLU, rotary positions, embedding rows.
#pragma once

#include "kernels/backend.h"

namespace r1 {

struct PointwiseKernels {
  /// y = silu(gate) up, all (N, F).                                           [Shazeer 2020, eq. 5]
  void (*swiglu_forward)(const Launch&, Tensor y, Tensor gate, Tensor up);
  /// dgate = dy up σ (1 + gate (1 − σ)),  dup = dy gate σ; overwritten. dgate may be dy itself.
  void (*swiglu_backward)(const Launch&, Tensor dgate, Tensor dup, Tensor dy, Tensor gate,
                          Tensor up);
  /// x (N, H * D) in place: pairs (i, i + D/2) of each head turn by the angle of the row's
  /// position. cos, sin (P, D/2). inverse turns back: the gradient of a rotation.        [Su et al.
  /// 2021, eq. 34]
  void (*rope)(const Launch&, Tensor x, const int32_t* positions, Tensor cos, Tensor sin,
               bool inverse);
  /// y (N, C) = rows `tokens` of table (V, C), f32 or bf16.
  void (*embed)(const Launch&, Tensor y, Tensor table, const int32_t* tokens);
  /// dtable (V, C) f32: row tokens[n] += dy[n], n ascending.
  void (*embed_backward)(const Launch&, Tensor dtable, Tensor dy, const int32_t* tokens);
};
const PointwiseKernels& pointwise_kernels(Backend);

void swiglu_forward(const Launch&, Tensor y, Tensor gate, Tensor up);
void swiglu_backward(const Launch&, Tensor dgate, Tensor dup, Tensor dy, Tensor gate, Tensor up);
void rope(const Launch&, Tensor x, const int32_t* positions, Tensor cos, Tensor sin, bool inverse);
void embed(const Launch&, Tensor y, Tensor table, const int32_t* tokens);
void embed_backward(const Launch&, Tensor dtable, Tensor dy, const int32_t* tokens);

}  // namespace r1
