// Matrix products with one accumulator per element, k ascending: equal bits for any batch, thread
// count or ISA.
#pragma once

#include <vector>

#include "kernels/backend.h"

namespace r1 {

/// The right-hand side B (K, N) of a product, in panels of 32 columns: panel j holds rows k = 0 …
/// K-1 of columns 32 j … 32 j + 31, contiguous, zero beyond N. f32, bf16 and f16 lie row by row.
/// q8_0 and q4_0 (K a multiple of 32) lie in blocks of 32 k: 32 scales in f16, one a column, then
/// 32 rows of int8 (q8_0), or 16 rows of bytes with row 2 j in the lower nibble, 2 j + 1 in the
/// upper one, both plus 8 (q4_0). An element is scale times integer, exact in f32.
struct PackedMatrix {
  void* data = nullptr;
  Dtype dtype = Dtype::kF32;
  int64_t K = 0, N = 0;
};

constexpr int64_t kPanel = 32;
constexpr int64_t kQuantRows = 32;  // k that share a scale
/// Where one matrix's panels may follow another's.
constexpr int64_t aligned_bytes(int64_t bytes) { return (bytes + 63) / 64 * 64; }
int64_t panel_bytes(int64_t K, Dtype dtype);
int64_t packed_bytes(int64_t K, int64_t N, Dtype dtype);
int64_t quant_block_bytes(Dtype dtype);   // of the GGML block of 32 k
const uint8_t* quant_zeros(Dtype dtype);  // such a block with scale and integers 0

/// One of several products that the threads share as one loop: y [+]= x B, or [+]= x Bᵀ.
struct GemmJob {
  Tensor y, x;
  const PackedMatrix* b;
  bool accumulate = false;
};
/// dw += dyᵀ x.
struct GradientJob {
  Tensor dw, dy, x;
};

struct GemmKernels {
  /// transposed: w is (N, K), as Hugging Face stores a linear layer; otherwise w is (K, N).
  void (*pack)(const Launch&, const PackedMatrix& b, Tensor w, bool transposed);
  /// One panel from n <= 32 row-major rows of a (N, K) weight: elements of b.dtype, or GGML blocks
  /// where that is q8_0 or q4_0.
  void (*pack_panel)(const PackedMatrix& b, int64_t panel, const void* rows, int64_t n);
  /// y (M, N) = [y +] x (M, K) B. Each element: acc = y or 0; acc = fma(x_k, b_k, acc), k
  /// ascending.
  void (*multiply)(const Launch&, Tensor y, Tensor x, const PackedMatrix& b, bool accumulate);
  /// dx (M, K) = [dx +] dy (M, N) Bᵀ. Each element: acc = dx or 0; acc = fma(dy_n, b_n, acc), n
  /// ascending: the bits of multiply with the transpose of B.
  void (*multiply_transposed)(const Launch&, Tensor dx, Tensor dy, const PackedMatrix& b,
                              bool accumulate);
  /// dw (O, I) += dy (N, O)ᵀ x (N, I). Each element: acc = dw; acc = fma(dy_n, x_n, acc), n
  /// ascending.
  void (*weight_gradient)(const Launch&, Tensor dw, Tensor dy, Tensor x);
  /// n products with different outputs, each with the bits of multiply or multiply_transposed.
  void (*multiply_each)(const Launch&, const GemmJob* jobs, int64_t n, bool transposed);
  /// n products with different outputs, each with the bits of weight_gradient.
  void (*weight_gradient_each)(const Launch&, const GradientJob* jobs, int64_t n);
};
const GemmKernels& gemm_kernels(Backend);

void gemm_pack(const Launch&, const PackedMatrix& b, Tensor w, bool transposed);
/// On the caller's thread alone; panels may be packed in any order, by several threads at once.
void gemm_pack_panel(Backend, const PackedMatrix& b, int64_t panel, const void* rows, int64_t n);
/// Column n of B, which is row n of the (N, K) weight: K floats.
void gemm_unpack_row(const PackedMatrix& b, int64_t n, float* to);
void gemm(const Launch&, Tensor y, Tensor x, const PackedMatrix& b, bool accumulate);
void gemm_transposed(const Launch&, Tensor dx, Tensor dy, const PackedMatrix& b, bool accumulate);
void gemm_weight_gradient(const Launch&, Tensor dw, Tensor dy, Tensor x);

/// Many small products as one parallel loop, where one after the other would be as many.
void gemm_each(const Launch&, const std::vector<GemmJob>& jobs);
void gemm_transposed_each(const Launch&, const std::vector<GemmJob>& jobs);
void gemm_weight_gradient_each(const Launch&, const std::vector<GradientJob>& jobs);

}  // namespace r1
