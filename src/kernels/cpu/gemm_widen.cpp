// Pieces of panels as f32, as they lie or transposed, for the tiles that use them more than once.

#include "kernels/cpu/gemm_parts.h"

#include "kernels/cpu/simd.h"

#include "kernels/cpu/gemm_quant.h"

R1_SIMD_BEGIN

namespace {

R1_INLINE const uint16_t* halves(const std::byte* p) {
  return reinterpret_cast<const uint16_t*>(p);
}

void widen_bf16(float* to, const std::byte* from, int64_t K) {
  for (int64_t i = 0; i < K * kPanel; i += kVector) store(to + i, load_bf16(halves(from) + i));
}

void widen_f16(float* to, const std::byte* from, int64_t K) {
  for (int64_t i = 0; i < K * kPanel; i += kVector) store(to + i, load_f16(halves(from) + i));
}

template <class Q>
void widen_blocks(float* to, const std::byte* from, int64_t K) {
  for (int64_t k = 0; k < K; k += kQuantRows) {
    const F32x16 scales[2] = {load_scales(from, 0), load_scales(from, 1)};
    from += kPanel * sizeof(uint16_t);
    for (int64_t j = 0; j < kQuantRows; j += Q::kRows, to += Q::kRows * kPanel) {
      for (int v = 0; v < 2; ++v, from += kVector) {
        F32x16 w[Q::kRows];
        load_weights<Q>(w, from, scales[v]);
        for (int i = 0; i < Q::kRows; ++i) store(to + i * kPanel + v * kVector, w[i]);
      }
    }
  }
}

void widen_rows(float* to, const std::byte* from, Dtype dtype, int64_t K) {
  switch (dtype) {
    case Dtype::kBF16:
      return widen_bf16(to, from, K);
    case Dtype::kF16:
      return widen_f16(to, from, K);
    case Dtype::kQ8_0:
      return widen_blocks<Q8>(to, from, K);
    case Dtype::kQ4_0:
      return widen_blocks<Q4>(to, from, K);
    default:
      std::memcpy(to, from, K * kPanel * sizeof(float));
  }
}

void transpose_panel_rows(float* to, const float* from) {
  for (int64_t i = 0; i < kPanel; i += kVector) {
    for (int64_t j = 0; j < kPanel; j += kVector) {
      float* corner = to + j * kPanel + i;
      const float* rows = from + i * kPanel + j;
      transpose_16([=](int64_t r) { return as_u32(load(rows + r * kPanel)); },
                   [=](int64_t r, U32x16 x) { store(corner + r * kPanel, as_f32(x)); });
    }
  }
}

}  // namespace

void widen_panel(float* to, const PackedMatrix& b, int64_t panel, Span k) {
  widen_rows(to, panel_row(b, panel, k.begin), b.dtype, k.size());
}

void widen_transposed_panel(float* to, const PackedMatrix& b, int64_t panel, Span n) {
  alignas(64) float rows[kPanel * kPanel];
  const int64_t first = panel * kPanel, left = b.K - first, K = left < kPanel ? left : kPanel;
  if (K < kPanel) std::memset(rows, 0, sizeof rows);
  for (int64_t i = n.begin; i < n.end; i += kPanel, to += kPanel * kPanel) {
    const std::byte* from = panel_row(b, i / kPanel, first);
    const bool as_it_is = b.dtype == Dtype::kF32 && K == kPanel;
    if (!as_it_is) widen_rows(rows, from, b.dtype, K);
    transpose_panel_rows(to, as_it_is ? reinterpret_cast<const float*>(from) : rows);
  }
}

R1_SIMD_END
