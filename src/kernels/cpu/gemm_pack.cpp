// Packing a weight matrix into panels of 32 columns.

#include "kernels/cpu/gemm_parts.h"

#include "kernels/cpu/simd.h"

R1_SIMD_BEGIN

namespace {

/// Rows k of w (K, N), 32 columns at a time.
template <class E>
void pack_rows(E* panel, const E* w, int64_t K, int64_t N, int64_t n) {
  for (int64_t k = 0; k < K; ++k) {
    for (int64_t c = 0; c < n; ++c) panel[k * kPanel + c] = w[k * N + c];
    for (int64_t c = n; c < kPanel; ++c) panel[k * kPanel + c] = 0;
  }
}

/// The transpose of w (N, K): blocks of 16 k, so that a read line is used up while it is near.
template <class E>
void pack_columns(E* panel, const E* w, int64_t K, int64_t n) {
  for (int64_t first = 0; first < K; first += 16) {
    const int64_t last = first + 16 < K ? first + 16 : K;
    for (int64_t c = 0; c < n; ++c) {
      for (int64_t k = first; k < last; ++k) panel[k * kPanel + c] = w[c * K + k];
    }
    for (int64_t k = first; k < last; ++k) {
      for (int64_t c = n; c < kPanel; ++c) panel[k * kPanel + c] = 0;
    }
  }
}

template <class E>
void pack_panels(const PackedMatrix& b, const E* w, bool transposed, int64_t begin, int64_t end) {
  for (int64_t panel = begin; panel < end; ++panel) {
    const int64_t first = panel * kPanel, left = b.N - first, n = left < kPanel ? left : kPanel;
    E* to = static_cast<E*>(b.data) + first * b.K;
    if (transposed) {
      pack_columns(to, w + first * b.K, b.K, n);
    } else {
      pack_rows(to, w + first, b.K, b.N, n);
    }
  }
}

}  // namespace

void gemm_pack_column(const Launch& launch, const PackedMatrix& b, Tensor w, bool transposed) {
  const int64_t grain = ceil_div(1 << 14, kPanel * (b.K + 1));
  launch.pool->parallel_for(ceil_div(b.N, kPanel), grain, [&](int64_t begin, int64_t end) {
    if (b.dtype == Dtype::kF32) {
      pack_panels(b, static_cast<const float*>(w.data), transposed, begin, end);
    } else {
      pack_panels(b, static_cast<const uint16_t*>(w.data), transposed, begin, end);
    }
  });
}

R1_SIMD_END
