#include "kernels/cpu/gemm_tile.h"

#include <array>
#include <utility>

#include "kernels/cpu/simd.h"

#include "kernels/cpu/gemm_accumulators.h"

R1_SIMD_BEGIN

namespace {

struct F32 {
  using Element = float;
  static R1_INLINE F32x16 read(const float* p) { return load(p); }
};
struct BF16 {
  using Element = uint16_t;
  static R1_INLINE F32x16 read(const uint16_t* p) { return load_bf16(p); }
};
struct F16 {
  using Element = uint16_t;
  static R1_INLINE F32x16 read(const uint16_t* p) { return load_f16(p); }
};

/// kColumns: how a lies, see GemmTile::a. E: what b holds, widened as it is read.
template <int R, int V, bool kColumns, class E>
void tile(const GemmTile& t) {
  F32x16 acc[R][V];
  begin<R, V>(acc, t);
  using Element = typename E::Element;
  const int64_t first = V == 1 ? t.first_vector : 0, panel = t.panel_bytes / sizeof(Element);
  const Element* b = static_cast<const Element*>(t.b) + first * kVector;
  const float* a = t.a;
  const int64_t lda = t.lda, step = kColumns ? lda : 1;
#pragma GCC unroll 2
  for (int64_t k = 0; k < t.K; ++k, a += step, b += 2 * kVector) {
    F32x16 row[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) row[v] = E::read(b + (v / 2) * panel + (v % 2) * kVector);
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
  if (b == Dtype::kF32) return find_row_tile<F32>(rows, vectors);
  if (b == Dtype::kBF16) return find_row_tile<BF16>(rows, vectors);
  if (b == Dtype::kF16) return find_row_tile<F16>(rows, vectors);
  return quant_tile(rows, vectors, b);
}

TileFunction column_tile(int rows, int vectors) {
  static constexpr auto kOne = table<1, true, F32>(Rows{});
  static constexpr auto kTwo = table<kTileVectors, true, F32>(Rows{});
  return vectors == 1 ? kOne[rows - 1] : kTwo[rows - 1];
}

R1_SIMD_END
