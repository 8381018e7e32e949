// Matrix products with one accumulator per element, k ascending: equal bits for any batch, thread
// count or ISA.
#pragma once

#include "kernels/backend.h"

namespace r1 {

/// The right-hand side B (K, N) of a product, in panels of 32 columns: panel j holds rows k = 0 …
/// K-1 of columns 32 j … 32 j + 31, contiguous, zero beyond N. f32, or bf16 widened to f32 on the
/// way in.
struct PackedMatrix {
  void* data = nullptr;
  Dtype dtype = Dtype::kF32;
  int64_t K = 0, N = 0;
};

constexpr int64_t kPanel = 32;
inline int64_t packed_bytes(int64_t K, int64_t N, Dtype dtype) {
  return (N + kPanel - 1) / kPanel * kPanel * K * dtype_size(dtype);
}

struct GemmKernels {
  /// transposed: w is (N, K), as Hugging Face stores a linear layer; otherwise w is (K, N).
  void (*pack)(const Launch&, const PackedMatrix& b, Tensor w, bool transposed);
  /// y (M, N) = [y +] x (M, K) B. Each element: acc = y or 0; acc = fma(x_k, b_k, acc), k
  /// ascending.
  void (*multiply)(const Launch&, Tensor y, Tensor x, const PackedMatrix& b, bool accumulate);
  /// dw (O, I) += dy (N, O)ᵀ x (N, I). Each element: acc = dw; acc = fma(dy_n, x_n, acc), n
  /// ascending.
  void (*weight_gradient)(const Launch&, Tensor dw, Tensor dy, Tensor x);
};
const GemmKernels& gemm_kernels(Backend);

void gemm_pack(const Launch&, const PackedMatrix& b, Tensor w, bool transposed);
void gemm(const Launch&, Tensor y, Tensor x, const PackedMatrix& b, bool accumulate);
void gemm_weight_gradient(const Launch&, Tensor dw, Tensor dy, Tensor x);

}  // namespace r1
