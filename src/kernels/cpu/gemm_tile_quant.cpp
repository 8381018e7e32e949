// Register tiles over blocks of integers with a scale a column, widened as they are read.

#include <array>
#include <utility>

#include "kernels/cpu/gemm_tile.h"

#include "kernels/cpu/simd.h"

#include "kernels/cpu/gemm_accumulators.h"
#include "kernels/cpu/gemm_quant.h"

R1_SIMD_BEGIN

namespace {

constexpr int64_t kColumns = 2 * kVector;

template <int R, int V, class Q>
void tile(const GemmTile& t) {
  F32x16 acc[R][V];
  begin<R, V>(acc, t);
  const int64_t first = V == 1 ? t.first_vector : 0;
  const auto* b = static_cast<const std::byte*>(t.b);
  const float* a = t.a;
  for (int64_t k = 0; k < t.K; k += kQuantRows) {
    F32x16 scale[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      scale[v] = load_scales(b + (v / 2) * t.panel_bytes, first + v % 2);
    }
    b += kColumns * sizeof(uint16_t);
#pragma GCC unroll 2
    for (int64_t j = 0; j < kQuantRows; j += Q::kRows, a += Q::kRows, b += kColumns) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        F32x16 w[Q::kRows];
        const std::byte* row = b + (v / 2) * t.panel_bytes + (first + v % 2) * kVector;
        load_weights<Q>(w, row, scale[v]);
#pragma GCC unroll 2
        for (int i = 0; i < Q::kRows; ++i) {
#pragma GCC unroll 16
          for (int r = 0; r < R; ++r) {
            acc[r][v] = fma(broadcast(a[r * t.lda + i]), w[i], acc[r][v]);
          }
        }
      }
    }
  }
  finish<R, V>(t, acc);
}

template <int kShape, class Q, int... i>
constexpr std::array<TileFunction, kTileRows> table(std::integer_sequence<int, i...>) {
  return {tile < i + 1, kShape == 0 ? wide_vectors(i + 1) : kShape, Q > ...};
}

template <class Q>
TileFunction find_tile(int rows, int vectors) {
  using Rows = std::make_integer_sequence<int, kTileRows>;
  static constexpr auto kOne = table<1, Q>(Rows{});
  static constexpr auto kTwo = table<kTileVectors, Q>(Rows{});
  static constexpr auto kWide = table<0, Q>(Rows{});
  if (vectors == 1) return kOne[rows - 1];
  return vectors == kTileVectors ? kTwo[rows - 1] : kWide[rows - 1];
}

}  // namespace

TileFunction quant_tile(int rows, int vectors, Dtype b) {
  return b == Dtype::kQ8_0 ? find_tile<Q8>(rows, vectors) : find_tile<Q4>(rows, vectors);
}

R1_SIMD_END
