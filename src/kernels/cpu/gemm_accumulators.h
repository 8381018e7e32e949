// How the accumulators of a register tile come from y and go back. Included after simd.h.
#pragma once

#include "kernels/cpu/gemm_tile.h"

R1_SIMD_BEGIN

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

R1_SIMD_END
