// One register tile of a matrix product: the only place where gemm multiplies.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace r1::R1_ISA {

#if defined(R1_ISA_avx512)
constexpr int kTileRows = 12, kTileVectors = 2;  // 24 accumulators of 32 registers
#elif defined(R1_ISA_avx2)
constexpr int kTileRows = 6, kTileVectors = 1;  // 12 accumulators of 16 registers
#else
constexpr int kTileRows = 4, kTileVectors = 1;
#endif
constexpr int64_t kVector = 16;

/// y (R, cols) = [y +] a (R, K) b (K, cols): one chain of fused multiply-adds per element, k
/// ascending.
struct GemmTile {
  float* y;
  int64_t ldy;
  const float* a;  // row by row: a[r lda + k]; column by column: a[k lda + r]
  int64_t lda;
  const void* b;         // a row of a panel, or a block of one (q8_0, q4_0), which K must fill
  int64_t first_vector;  // 0 or 1: vector v is columns 16 (first_vector + v) … of that row,
  int64_t panel_bytes;   // from column 32 on so far away
  int64_t K;
  int64_t cols;  // at most 16 V; b must hold 16 V
  bool from_y;
};
using TileFunction = void (*)(const GemmTile&);

/// Vectors a tile of so many rows may have when there is only one tile: few rows need more chains.
constexpr int wide_vectors(int rows) {
  int vectors = kTileVectors;
  while (vectors < 4 * kTileVectors && 2 * rows * vectors <= kTileRows * kTileVectors) vectors *= 2;
  return vectors;
}

/// rows 1 … kTileRows; vectors 1, 2 (if kTileVectors is 2) or wide_vectors(rows).
TileFunction row_tile(int rows, int vectors, Dtype b);
TileFunction quant_tile(int rows, int vectors, Dtype b);  // the same for q8_0 and q4_0
/// a column by column, b f32; vectors 1 … kTileVectors.
TileFunction column_tile(int rows, int vectors);

/// The rows [begin, end) of tile i of n that share M rows as evenly as can be.
struct Span {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};
constexpr Span even_share(int64_t M, int64_t i, int64_t n) { return {M * i / n, M * (i + 1) / n}; }
constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace r1::R1_ISA
