// Sixteen columns of a block of scaled integers as f32. Included after simd.h.
#pragma once

#include "kernels/gemm.h"

R1_SIMD_BEGIN

/// How a row of bytes of a block holds integers: kRows rows of k.
struct Q8 {
  static constexpr int64_t kRows = 1;
  static R1_INLINE void read(const std::byte* p, F32x16 (&q)[1]) {
    q[0] = load_i8(reinterpret_cast<const int8_t*>(p));
  }
};
struct Q4 {
  static constexpr int64_t kRows = 2;
  static R1_INLINE void read(const std::byte* p, F32x16 (&q)[2]) {
    load_nibbles(reinterpret_cast<const uint8_t*>(p), q[0], q[1]);
  }
};

/// The scales of columns 0 … 15 (vector 0) or 16 … 31 of a block.
R1_INLINE F32x16 load_scales(const std::byte* block, int64_t vector) {
  return load_f16(reinterpret_cast<const uint16_t*>(block) + vector * 16);
}

/// Scale times integer, 11 times 8 bits: exact.
template <class Q>
R1_INLINE void load_weights(F32x16 (&w)[Q::kRows], const std::byte* row, F32x16 scale) {
  Q::read(row, w);
  for (int i = 0; i < Q::kRows; ++i) w[i] = scale * w[i];
}

R1_SIMD_END
