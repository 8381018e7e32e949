// Element by element: SwiGLU, rotary positions, embedding rows.
#pragma once

#include "kernels/backend.h"

namespace r1 {

constexpr int64_t kMostRope = 1024;  // elements of a head that turn

/// Which elements of x (N, H * width) turn: R = 2 * cos.cols() of each head, from `offset` on. Pair
/// i is (i, i + R/2), or with `adjacent` (2 i, 2 i + 1), as DeepSeek stores it.
struct RopeLayout {
  int64_t width = 0;  // of a head; 0: R
  int64_t offset = 0;
  bool adjacent = false;
};

struct PointwiseKernels {
  /// y = silu(gate) up, all (N, F).                                           [Shazeer 2020, eq. 5]
  void (*swiglu_forward)(const Launch&, Tensor y, Tensor gate, Tensor up);
  /// dgate = dy up σ (1 + gate (1 − σ)),  dup = dy gate σ; overwritten. dgate may be dy itself.
  void (*swiglu_backward)(const Launch&, Tensor dgate, Tensor dup, Tensor dy, Tensor gate,
                          Tensor up);
  /// x in place: the pairs of each head turn by the angle of the row's position. cos, sin (P, R/2).
  /// inverse turns back: the gradient of a rotation.                  [Su et al. 2021, eq. 34]
  void (*rope)(const Launch&, Tensor x, const int32_t* positions, Tensor cos, Tensor sin,
               bool inverse, const RopeLayout& layout);
  /// y (N, C) = rows `tokens` of table (V, C), f32 or bf16.
  void (*embed)(const Launch&, Tensor y, Tensor table, const int32_t* tokens);
  /// dtable (V, C) f32: row tokens[n] += dy[n], n ascending.
  void (*embed_backward)(const Launch&, Tensor dtable, Tensor dy, const int32_t* tokens);
};
const PointwiseKernels& pointwise_kernels(Backend);

void swiglu_forward(const Launch&, Tensor y, Tensor gate, Tensor up);
void swiglu_backward(const Launch&, Tensor dgate, Tensor dup, Tensor dy, Tensor gate, Tensor up);
void rope(const Launch&, Tensor x, const int32_t* positions, Tensor cos, Tensor sin, bool inverse,
          RopeLayout layout = {});
void embed(const Launch&, Tensor y, Tensor table, const int32_t* tokens);
void embed_backward(const Launch&, Tensor dtable, Tensor dy, const int32_t* tokens);

}  // namespace r1
