#include "kernels/cpu/gemm_tile.h"

#include <array>
#include <utility>

#include "kernels/cpu/simd.h"

R1_SIMD_BEGIN

namespace {

R1_INLINE F32x16 load_b(const float* b) { return load(b); }
R1_INLINE F32x16 load_b(const uint16_t* b) { return load_bf16(b); }

template <int R, int V>
R1_INLINE void begin(F32x16 (&acc)[R][V], const GemmTile& t) {
  if (!t.from_y) {
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) acc[r][v] = zero();
  } else if (t.cols == V * kVector) {
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) acc[r][v] = load(t.y + r * t.ldy + v * kVector);
  } else {
    for (int v = 0; v < V; ++v) {
      const int64_t left = t.cols - v * kVector, n = left < 0 ? 0 : (left > 16 ? 16 : left);
      for (int r = 0; r < R; ++r) acc[r][v] = load_partial(t.y + r * t.ldy + v * kVector, n);
    }
  }
}

template <int R, int V>
R1_INLINE void finish(const GemmTile& t, const F32x16 (&acc)[R][V]) {
  if (t.cols == V * kVector) {
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) store(t.y + r * t.ldy + v * kVector, acc[r][v]);
  } else {
    for (int v = 0; v < V; ++v) {
      const int64_t left = t.cols - v * kVector, n = left < 0 ? 0 : (left > 16 ? 16 : left);
      for (int r = 0; r < R; ++r) store_partial(t.y + r * t.ldy + v * kVector, acc[r][v], n);
    }
  }
}

/// kColumns: how a lies, see GemmTile::a. E: float or bf16 (widened as it is read).
template <int R, int V, bool kColumns, class E>
void tile(const GemmTile& t) {
  F32x16 acc[R][V];
  begin<R, V>(acc, t);
  const E* b = static_cast<const E*>(t.b);
  const float* a = t.a;
  const int64_t lda = t.lda, step = kColumns ? lda : 1;
#pragma GCC unroll 2
  for (int64_t k = 0; k < t.K; ++k, a += step, b += t.ldb) {
    F32x16 row[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) row[v] = load_b(b + (v / 2) * t.panel_stride + (v % 2) * kVector);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const F32x16 x = broadcast(a[kColumns ? r : r * lda]);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) acc[r][v] = fma(x, row[v], acc[r][v]);
    }
  }
  finish<R, V>(t, acc);
}

template <int kShape, bool kColumns, class E, int... i>
constexpr std::array<TileFunction, kTileRows> table(std::integer_sequence<int, i...>) {
  return {tile < i + 1, kShape == 0 ? wide_vectors(i + 1) : kShape, kColumns, E > ...};
}
using Rows = std::make_integer_sequence<int, kTileRows>;

template <class E>
TileFunction find_row_tile(int rows, int vectors) {
  static constexpr auto kOne = table<1, false, E>(Rows{});
  static constexpr auto kTwo = table<kTileVectors, false, E>(Rows{});
  static constexpr auto kWide = table<0, false, E>(Rows{});
  if (vectors == 1) return kOne[rows - 1];
  return vectors == kTileVectors ? kTwo[rows - 1] : kWide[rows - 1];
}

}  // namespace

TileFunction row_tile(int rows, int vectors, Dtype b) {
  return b == Dtype::kF32 ? find_row_tile<float>(rows, vectors)
                          : find_row_tile<uint16_t>(rows, vectors);
}

TileFunction column_tile(int rows, int vectors) {
  static constexpr auto kOne = table<1, true, float>(Rows{});
  static constexpr auto kTwo = table<kTileVectors, true, float>(Rows{});
  return vectors == 1 ? kOne[rows - 1] : kTwo[rows - 1];
}

R1_SIMD_END
