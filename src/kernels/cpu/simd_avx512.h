// F32x16 as one 512-bit register. Included by simd.h only.
#pragma once

R1_SIMD_BEGIN

struct F32x16 {
  __m512 v;
};
struct U32x16 {
  __m512i v;
};
using Mask = __mmask16;

R1_INLINE Mask first_lanes(int64_t n) { return static_cast<Mask>((1u << n) - 1); }

R1_INLINE F32x16 load(const float* p) { return {_mm512_loadu_ps(p)}; }
R1_INLINE F32x16 load_partial(const float* p, int64_t n) {
  return {_mm512_maskz_loadu_ps(first_lanes(n), p)};
}
R1_INLINE void store(float* p, F32x16 x) { _mm512_storeu_ps(p, x.v); }
R1_INLINE void store_partial(float* p, F32x16 x, int64_t n) {
  _mm512_mask_storeu_ps(p, first_lanes(n), x.v);
}
R1_INLINE F32x16 broadcast(float value) { return {_mm512_set1_ps(value)}; }
R1_INLINE F32x16 zero() { return {_mm512_setzero_ps()}; }

R1_INLINE F32x16 operator+(F32x16 a, F32x16 b) { return {a.v + b.v}; }
R1_INLINE F32x16 operator-(F32x16 a, F32x16 b) { return {a.v - b.v}; }
R1_INLINE F32x16 operator*(F32x16 a, F32x16 b) { return {a.v * b.v}; }
R1_INLINE F32x16 operator/(F32x16 a, F32x16 b) { return {a.v / b.v}; }
R1_INLINE F32x16 fma(F32x16 a, F32x16 b, F32x16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
R1_INLINE F32x16 sqrt(F32x16 x) { return {_mm512_maskz_sqrt_ps(0xFFFF, x.v)}; }

R1_INLINE Mask less(F32x16 a, F32x16 b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ); }
R1_INLINE F32x16 select(Mask mask, F32x16 a, F32x16 b) {
  return {_mm512_mask_blend_ps(mask, b.v, a.v)};
}
// The processor's max gives its second operand when the two compare equal: std::max gives its
// first.
R1_INLINE F32x16 max(F32x16 a, F32x16 b) { return {_mm512_maskz_max_ps(0xFFFF, b.v, a.v)}; }
R1_INLINE F32x16 min(F32x16 a, F32x16 b) { return {_mm512_maskz_min_ps(0xFFFF, b.v, a.v)}; }

R1_INLINE U32x16 load_u32(const uint32_t* p) { return {_mm512_loadu_si512(p)}; }
R1_INLINE void store_u32(uint32_t* p, U32x16 x) { _mm512_storeu_si512(p, x.v); }
R1_INLINE U32x16 broadcast_u32(uint32_t value) {
  return {_mm512_set1_epi32(static_cast<int>(value))};
}
R1_INLINE U32x16 as_u32(F32x16 x) { return {_mm512_castps_si512(x.v)}; }
R1_INLINE F32x16 as_f32(U32x16 x) { return {_mm512_castsi512_ps(x.v)}; }
R1_INLINE F32x16 to_f32(U32x16 x) { return {_mm512_maskz_cvtepi32_ps(0xFFFF, x.v)}; }
R1_INLINE U32x16 operator+(U32x16 a, U32x16 b) { return {_mm512_add_epi32(a.v, b.v)}; }
R1_INLINE U32x16 operator-(U32x16 a, U32x16 b) { return {_mm512_sub_epi32(a.v, b.v)}; }
R1_INLINE U32x16 operator^(U32x16 a, U32x16 b) { return {_mm512_xor_si512(a.v, b.v)}; }
R1_INLINE U32x16 operator&(U32x16 a, U32x16 b) { return {_mm512_and_si512(a.v, b.v)}; }
R1_INLINE U32x16 operator|(U32x16 a, U32x16 b) { return {_mm512_or_si512(a.v, b.v)}; }
template <int kBits>
R1_INLINE U32x16 shift_left(U32x16 x) {
  return {_mm512_maskz_slli_epi32(0xFFFF, x.v, kBits)};
}
template <int kBits>
R1_INLINE U32x16 shift_right(U32x16 x) {
  return {_mm512_maskz_srli_epi32(0xFFFF, x.v, kBits)};
}
R1_INLINE U32x16 mul_low(U32x16 a, U32x16 b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
R1_INLINE U32x16 mul_high(U32x16 a, U32x16 b) {
  const __m512i even = _mm512_maskz_mul_epu32(0xFF, a.v, b.v);
  const __m512i odd = _mm512_maskz_mul_epu32(0xFF, _mm512_maskz_srli_epi64(0xFF, a.v, 32),
                                             _mm512_maskz_srli_epi64(0xFF, b.v, 32));
  return {_mm512_mask_blend_epi32(0xAAAA, _mm512_maskz_srli_epi64(0xFF, even, 32), odd)};
}

R1_INLINE F32x16 widen(__m256i x) {
  return as_f32(shift_left<16>({_mm512_maskz_cvtepu16_epi32(0xFFFF, x)}));
}
R1_INLINE __m256i narrow(F32x16 x) {
  const U32x16 bits = as_u32(x), top = shift_right<16>(bits);
  const U32x16 even = top & broadcast_u32(1);
  const U32x16 rounded = shift_right<16>(bits + broadcast_u32(0x7FFF) + even);
  const Mask nan = _mm512_cmp_ps_mask(x.v, x.v, _CMP_UNORD_Q);
  const __m512i all = _mm512_mask_or_epi32(rounded.v, nan, top.v, broadcast_u32(0x40).v);
  return _mm512_maskz_cvtepi32_epi16(0xFFFF, all);
}
R1_INLINE F32x16 load_bf16(const uint16_t* p) {
  return widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
R1_INLINE F32x16 load_bf16_partial(const uint16_t* p, int64_t n) {
  return widen(_mm256_maskz_loadu_epi16(first_lanes(n), p));
}
R1_INLINE void store_bf16(uint16_t* p, F32x16 x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), narrow(x));
}
R1_INLINE void store_bf16_partial(uint16_t* p, F32x16 x, int64_t n) {
  _mm256_mask_storeu_epi16(p, first_lanes(n), narrow(x));
}

R1_INLINE F32x16 load_f16(const uint16_t* p) {
  const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm512_maskz_cvtph_ps(0xFFFF, halves)};
}
R1_INLINE __m128i load_bytes(const void* p) {
  return _mm_loadu_si128(static_cast<const __m128i*>(p));
}
R1_INLINE F32x16 load_i8(const int8_t* p) {
  return to_f32({_mm512_maskz_cvtepi8_epi32(0xFFFF, load_bytes(p))});
}
R1_INLINE void load_nibbles(const uint8_t* p, F32x16& low, F32x16& high) {
  // permutexvar looks at the lower four bits of each lane only.
  const __m512 table = _mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);
  const U32x16 pairs{_mm512_maskz_cvtepu8_epi32(0xFFFF, load_bytes(p))};
  low = {_mm512_maskz_permutexvar_ps(0xFFFF, pairs.v, table)};
  high = {_mm512_maskz_permutexvar_ps(0xFFFF, shift_right<4>(pairs).v, table)};
}
R1_INLINE U32x16 load_u8(const uint8_t* p) {
  return {_mm512_maskz_cvtepu8_epi32(0xFFFF, load_bytes(p))};
}
R1_INLINE U32x16 load_u16(const uint16_t* p) {
  const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm512_maskz_cvtepu16_epi32(0xFFFF, halves)};
}
R1_INLINE void store_u8(uint8_t* p, U32x16 x) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_maskz_cvtepi32_epi8(0xFFFF, x.v));
}
R1_INLINE void store_u16(uint16_t* p, U32x16 x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_maskz_cvtepi32_epi16(0xFFFF, x.v));
}

template <int kLanes>
R1_INLINE __m512i shuffle_quarters(__m512i a, __m512i b) {
  return _mm512_maskz_shuffle_i32x4(0xFFFF, a, b, kLanes);
}
template <class Load, class Store>
R1_INLINE void transpose_16(Load load, Store store) {
  __m512i pair[16], four[16];  // [i]: interleaved columns of two rows, of four rows
  for (int i = 0; i < 16; i += 2) {
    const __m512i a = load(i).v, b = load(i + 1).v;
    pair[i] = _mm512_maskz_unpacklo_epi32(0xFFFF, a, b);
    pair[i + 1] = _mm512_maskz_unpackhi_epi32(0xFFFF, a, b);
  }
  for (int i = 0; i < 16; i += 4) {
    for (int j = 0; j < 2; ++j) {
      four[i + 2 * j] = _mm512_maskz_unpacklo_epi64(0xFF, pair[i + j], pair[i + j + 2]);
      four[i + 2 * j + 1] = _mm512_maskz_unpackhi_epi64(0xFF, pair[i + j], pair[i + j + 2]);
    }
  }
  for (int i = 0; i < 4; ++i) {  // quarter q of four[4 g + i]: column 4 q + i of rows 4 g …
    const __m512i even = shuffle_quarters<0x88>(four[i], four[i + 4]);
    const __m512i odd = shuffle_quarters<0xDD>(four[i], four[i + 4]);
    const __m512i lower_even = shuffle_quarters<0x88>(four[i + 8], four[i + 12]);
    const __m512i lower_odd = shuffle_quarters<0xDD>(four[i + 8], four[i + 12]);
    store(i, U32x16{shuffle_quarters<0x88>(even, lower_even)});
    store(i + 4, U32x16{shuffle_quarters<0x88>(odd, lower_odd)});
    store(i + 8, U32x16{shuffle_quarters<0xDD>(even, lower_even)});
    store(i + 12, U32x16{shuffle_quarters<0xDD>(odd, lower_odd)});
  }
}

R1_INLINE __m256 lower_half(F32x16 x) { return _mm512_maskz_extractf32x8_ps(0xFF, x.v, 0); }
R1_INLINE __m256 upper_half(F32x16 x) { return _mm512_maskz_extractf32x8_ps(0xFF, x.v, 1); }
R1_INLINE float fold(F32x16 x) {
  const __m256 eight = lower_half(x) + upper_half(x);
  const __m128 four = _mm256_castps256_ps128(eight) + _mm256_extractf128_ps(eight, 1);
  const __m128 two = four + _mm_movehl_ps(four, four);
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
R1_INLINE float hmax(F32x16 x) {
  const __m256 eight = _mm256_max_ps(lower_half(x), upper_half(x));
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/// Bit i is lane i of the mask.
R1_INLINE uint32_t lane_bits(Mask mask) { return mask; }
/// Whole part of 0 <= x < 2^31.
R1_INLINE U32x16 truncate(F32x16 x) { return {_mm512_maskz_cvttps_epi32(0xFFFF, x.v)}; }

R1_SIMD_END
