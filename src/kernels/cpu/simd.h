// F32x16: sixteen float lanes on every instruction set, so that all of them give the same bits.
#pragma once

// Use: include every other header first, this one last; then R1_SIMD_BEGIN … R1_SIMD_END around the
// code. Between them functions are compiled for the ISA and stand in namespace r1::R1_ISA. Nothing
// of the standard library may be defined in the region: newer instructions would leak into common
// code.

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "kernels/lanes.h"
#include "tensor/tensor.h"

#if defined(R1_ISA_avx512)
#define R1_TARGET "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c"
#elif defined(R1_ISA_avx2)
#define R1_TARGET "avx2,fma,f16c"
#endif

#if !defined(R1_TARGET)
#define R1_SIMD_BEGIN namespace r1::R1_ISA {
#define R1_SIMD_END }
#else
#include <immintrin.h>
#define R1_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define R1_PUSH_TARGET(name) \
  R1_PRAGMA(clang attribute push(__attribute__((target(name))), apply_to = function))
#define R1_POP_TARGET R1_PRAGMA(clang attribute pop)
#else
#define R1_PUSH_TARGET(name) R1_PRAGMA(GCC push_options) R1_PRAGMA(GCC target(name))
#define R1_POP_TARGET R1_PRAGMA(GCC pop_options)
#endif
#define R1_SIMD_BEGIN R1_PUSH_TARGET(R1_TARGET) namespace r1::R1_ISA {
#define R1_SIMD_END \
  }                 \
  R1_POP_TARGET
#endif

#define R1_INLINE inline __attribute__((always_inline))

#if defined(R1_ISA_avx512)
#include "kernels/cpu/simd_avx512.h"
#elif defined(R1_ISA_avx2)
#include "kernels/cpu/simd_avx2.h"
#else
#include "kernels/cpu/simd_generic.h"
#endif

R1_SIMD_BEGIN

// Beside these, each ISA's header defines, for F32x16 x, a, b and 0 <= n <= 16:
//   load(p) load_partial(p, n) store(p, x) store_partial(p, x, n)      lanes from n on: read as 0,
//   not written load_bf16(p) load_bf16_partial(p, n) store_bf16(p, x) store_bf16_partial(p, x, n)
//   broadcast(value) zero() a + b  a - b  a * b  a / b  fma(a, b, c) = a b + c  sqrt(x)
//   max(a, b) min(a, b) as std::max and std::min       Mask: less(a, b) first_lanes(n) select(mask,
//   a, b) fold(x) as LaneSum::fold, hmax(x) largest lane U32x16: load_u32 store_u32 broadcast_u32 +
//   - ^ & | shift_left<n> shift_right<n> mul_low mul_high as_u32(x) as_f32(u) bits; to_f32(u) the
//   signed value

//   load_f16(p)  load_i8(p) 16 integers  load_nibbles(p, low, high) of 16 bytes, each less 8
//   U32x16: load_u8 load_u16 store_u8 store_u16 (the lower bits)
//   transpose_16(load, store) 16 x 16 lanes: store(i, column i of the rows load(0) … load(15))

R1_INLINE F32x16 negate(F32x16 x) { return as_f32(as_u32(x) ^ broadcast_u32(0x80000000u)); }

/// exp_f32 in every lane.
R1_INLINE F32x16 exp(F32x16 x) {
  using namespace exp_constants;
  const F32x16 low = broadcast(kLow), high = broadcast(kHigh), round = broadcast(kRound);
  const Mask below = less(x, low), above = less(high, x);
  const F32x16 clamped = select(below, low, select(above, high, x));
  const F32x16 shifted = fma(clamped, broadcast(kLog2e), round);
  const F32x16 n = shifted - round;
  F32x16 r = fma(n, broadcast(-kLn2High), clamped);
  r = fma(n, broadcast(-kLn2Low), r);
  F32x16 p = broadcast(kP[0]);
  for (int i = 1; i < 6; ++i) p = fma(p, r, broadcast(kP[i]));
  p = fma(p, r * r, r) + broadcast(1.0f);
  constexpr uint32_t kOffset = 127u - std::bit_cast<uint32_t>(kRound);
  const F32x16 power = as_f32(shift_left<23>(as_u32(shifted) + broadcast_u32(kOffset)));
  const F32x16 infinity = broadcast(std::numeric_limits<float>::infinity());
  return select(below, zero(), select(above, infinity, p * power));
}

/// log_f32 in every lane: normal positive numbers only.
R1_INLINE F32x16 log(F32x16 x) {
  using namespace log_constants;
  const U32x16 bits = as_u32(x);
  const F32x16 one = broadcast(1.0f);
  F32x16 e = to_f32(shift_right<23>(bits) - broadcast_u32(126));
  F32x16 m = as_f32((bits & broadcast_u32(0x007FFFFF)) | broadcast_u32(0x3F000000));
  const Mask small = less(m, broadcast(kSqrtHalf));
  e = select(small, e - one, e);
  m = select(small, m + m, m) - one;
  const F32x16 z = m * m;
  F32x16 p = broadcast(kP[0]);
  for (int i = 1; i < 9; ++i) p = fma(p, m, broadcast(kP[i]));
  F32x16 y = m * (z * p);
  y = fma(e, broadcast(kLn2Low), y);
  y = fma(z, broadcast(-0.5f), y);
  return fma(e, broadcast(kLn2High), m + y);
}

/// sigmoid_f32 in every lane.
R1_INLINE F32x16 sigmoid(F32x16 x) {
  const F32x16 one = broadcast(1.0f);
  return one / (one + exp(negate(x)));
}

R1_SIMD_END
