// F32x16 as two 256-bit registers. Included by simd.h only.
#pragma once

R1_SIMD_BEGIN

struct F32x16 {
  __m256 low, high;
};
struct U32x16 {
  __m256i low, high;
};
struct Mask {
  __m256 low, high;  // all bits of a lane, or none
};

/// Eight lanes, the first n of them all ones (n below 0: none; above 8: all).
R1_INLINE __m256i first_eight(int64_t n) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lane);
}
R1_INLINE Mask first_lanes(int64_t n) {
  return {_mm256_castsi256_ps(first_eight(n)), _mm256_castsi256_ps(first_eight(n - 8))};
}

R1_INLINE F32x16 load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
R1_INLINE F32x16 load_partial(const float* p, int64_t n) {
  return {_mm256_maskload_ps(p, first_eight(n)), _mm256_maskload_ps(p + 8, first_eight(n - 8))};
}
R1_INLINE void store(float* p, F32x16 x) {
  _mm256_storeu_ps(p, x.low);
  _mm256_storeu_ps(p + 8, x.high);
}
R1_INLINE void store_partial(float* p, F32x16 x, int64_t n) {
  _mm256_maskstore_ps(p, first_eight(n), x.low);
  _mm256_maskstore_ps(p + 8, first_eight(n - 8), x.high);
}
R1_INLINE F32x16 broadcast(float value) { return {_mm256_set1_ps(value), _mm256_set1_ps(value)}; }
R1_INLINE F32x16 zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }

R1_INLINE F32x16 operator+(F32x16 a, F32x16 b) { return {a.low + b.low, a.high + b.high}; }
R1_INLINE F32x16 operator-(F32x16 a, F32x16 b) { return {a.low - b.low, a.high - b.high}; }
R1_INLINE F32x16 operator*(F32x16 a, F32x16 b) { return {a.low * b.low, a.high * b.high}; }
R1_INLINE F32x16 operator/(F32x16 a, F32x16 b) { return {a.low / b.low, a.high / b.high}; }
R1_INLINE F32x16 fma(F32x16 a, F32x16 b, F32x16 c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
R1_INLINE F32x16 sqrt(F32x16 x) { return {_mm256_sqrt_ps(x.low), _mm256_sqrt_ps(x.high)}; }

R1_INLINE Mask less(F32x16 a, F32x16 b) {
  return {_mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ), _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ)};
}
R1_INLINE F32x16 select(Mask mask, F32x16 a, F32x16 b) {
  return {_mm256_blendv_ps(b.low, a.low, mask.low), _mm256_blendv_ps(b.high, a.high, mask.high)};
}
// The processor's max gives its second operand when the two compare equal: std::max gives its
// first.
R1_INLINE F32x16 max(F32x16 a, F32x16 b) {
  return {_mm256_max_ps(b.low, a.low), _mm256_max_ps(b.high, a.high)};
}
R1_INLINE F32x16 min(F32x16 a, F32x16 b) {
  return {_mm256_min_ps(b.low, a.low), _mm256_min_ps(b.high, a.high)};
}

R1_INLINE U32x16 load_u32(const uint32_t* p) {
  const __m256i* q = reinterpret_cast<const __m256i*>(p);
  return {_mm256_loadu_si256(q), _mm256_loadu_si256(q + 1)};
}
R1_INLINE void store_u32(uint32_t* p, U32x16 x) {
  __m256i* q = reinterpret_cast<__m256i*>(p);
  _mm256_storeu_si256(q, x.low);
  _mm256_storeu_si256(q + 1, x.high);
}
R1_INLINE U32x16 broadcast_u32(uint32_t value) {
  const __m256i x = _mm256_set1_epi32(static_cast<int>(value));
  return {x, x};
}
R1_INLINE U32x16 as_u32(F32x16 x) {
  return {_mm256_castps_si256(x.low), _mm256_castps_si256(x.high)};
}
R1_INLINE F32x16 as_f32(U32x16 x) {
  return {_mm256_castsi256_ps(x.low), _mm256_castsi256_ps(x.high)};
}
R1_INLINE F32x16 to_f32(U32x16 x) {
  return {_mm256_cvtepi32_ps(x.low), _mm256_cvtepi32_ps(x.high)};
}
R1_INLINE U32x16 operator+(U32x16 a, U32x16 b) {
  return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
}
R1_INLINE U32x16 operator-(U32x16 a, U32x16 b) {
  return {_mm256_sub_epi32(a.low, b.low), _mm256_sub_epi32(a.high, b.high)};
}
R1_INLINE U32x16 operator^(U32x16 a, U32x16 b) {
  return {_mm256_xor_si256(a.low, b.low), _mm256_xor_si256(a.high, b.high)};
}
R1_INLINE U32x16 operator&(U32x16 a, U32x16 b) {
  return {_mm256_and_si256(a.low, b.low), _mm256_and_si256(a.high, b.high)};
}
R1_INLINE U32x16 operator|(U32x16 a, U32x16 b) {
  return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)};
}
template <int kBits>
R1_INLINE U32x16 shift_left(U32x16 x) {
  return {_mm256_slli_epi32(x.low, kBits), _mm256_slli_epi32(x.high, kBits)};
}
template <int kBits>
R1_INLINE U32x16 shift_right(U32x16 x) {
  return {_mm256_srli_epi32(x.low, kBits), _mm256_srli_epi32(x.high, kBits)};
}
R1_INLINE U32x16 mul_low(U32x16 a, U32x16 b) {
  return {_mm256_mullo_epi32(a.low, b.low), _mm256_mullo_epi32(a.high, b.high)};
}
R1_INLINE __m256i mul_high_eight(__m256i a, __m256i b) {
  const __m256i even = _mm256_mul_epu32(a, b);
  const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));
  return _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
}
R1_INLINE U32x16 mul_high(U32x16 a, U32x16 b) {
  return {mul_high_eight(a.low, b.low), mul_high_eight(a.high, b.high)};
}

R1_INLINE F32x16 load_bf16(const uint16_t* p) {
  const __m128i* q = reinterpret_cast<const __m128i*>(p);
  return as_f32(shift_left<16>(
      {_mm256_cvtepu16_epi32(_mm_loadu_si128(q)), _mm256_cvtepu16_epi32(_mm_loadu_si128(q + 1))}));
}
R1_INLINE void store_bf16(uint16_t* p, F32x16 x) {
  const U32x16 bits = as_u32(x), top = shift_right<16>(bits);
  const U32x16 even = top & broadcast_u32(1);
  const U32x16 rounded = shift_right<16>(bits + broadcast_u32(0x7FFF) + even);
  const Mask nan = {_mm256_cmp_ps(x.low, x.low, _CMP_UNORD_Q),
                    _mm256_cmp_ps(x.high, x.high, _CMP_UNORD_Q)};
  const U32x16 all = as_u32(select(nan, as_f32(top | broadcast_u32(0x40)), as_f32(rounded)));
  const __m256i packed = _mm256_packus_epi32(all.low, all.high);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(packed, 0xD8));
}
R1_INLINE F32x16 load_bf16_partial(const uint16_t* p, int64_t n) {
  alignas(32) uint16_t lanes[16] = {};
  std::memcpy(lanes, p, n * sizeof(uint16_t));
  return load_bf16(lanes);
}
R1_INLINE void store_bf16_partial(uint16_t* p, F32x16 x, int64_t n) {
  alignas(32) uint16_t lanes[16];
  store_bf16(lanes, x);
  std::memcpy(p, lanes, n * sizeof(uint16_t));
}

R1_INLINE F32x16 load_f16(const uint16_t* p) {
  const __m128i* q = reinterpret_cast<const __m128i*>(p);
  return {_mm256_cvtph_ps(_mm_loadu_si128(q)), _mm256_cvtph_ps(_mm_loadu_si128(q + 1))};
}
R1_INLINE __m128i load_eight(const void* p) {
  return _mm_loadl_epi64(static_cast<const __m128i*>(p));
}
R1_INLINE U32x16 load_u8(const uint8_t* p) {
  return {_mm256_cvtepu8_epi32(load_eight(p)), _mm256_cvtepu8_epi32(load_eight(p + 8))};
}
R1_INLINE U32x16 load_u16(const uint16_t* p) {
  const __m128i* q = reinterpret_cast<const __m128i*>(p);
  return {_mm256_cvtepu16_epi32(_mm_loadu_si128(q)), _mm256_cvtepu16_epi32(_mm_loadu_si128(q + 1))};
}
R1_INLINE F32x16 load_i8(const int8_t* p) {
  return to_f32({_mm256_cvtepi8_epi32(load_eight(p)), _mm256_cvtepi8_epi32(load_eight(p + 8))});
}
R1_INLINE void load_nibbles(const uint8_t* p, F32x16& low, F32x16& high) {
  const U32x16 pairs = load_u8(p), eight = broadcast_u32(8);
  low = to_f32((pairs & broadcast_u32(15)) - eight);
  high = to_f32(shift_right<4>(pairs) - eight);
}
R1_INLINE void store_u16(uint16_t* p, U32x16 x) {
  const U32x16 low = x & broadcast_u32(0xFFFF);
  const __m256i packed = _mm256_packus_epi32(low.low, low.high);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(packed, 0xD8));
}
R1_INLINE void store_u8(uint8_t* p, U32x16 x) {
  const U32x16 low = x & broadcast_u32(0xFF);
  const __m256i packed = _mm256_packus_epi32(low.low, low.high);
  const __m256i halves = _mm256_permute4x64_epi64(packed, 0xD8);
  const __m128i lower = _mm256_castsi256_si128(halves);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                   _mm_packus_epi16(lower, _mm256_extracti128_si256(halves, 1)));
}

/// Transposes eight rows of eight lanes.
R1_INLINE void transpose_eight(__m256i (&row)[8]) {
  __m256i pair[8], four[8];
  for (int i = 0; i < 8; i += 2) {
    pair[i] = _mm256_unpacklo_epi32(row[i], row[i + 1]);
    pair[i + 1] = _mm256_unpackhi_epi32(row[i], row[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    for (int j = 0; j < 2; ++j) {
      four[i + 2 * j] = _mm256_unpacklo_epi64(pair[i + j], pair[i + j + 2]);
      four[i + 2 * j + 1] = _mm256_unpackhi_epi64(pair[i + j], pair[i + j + 2]);
    }
  }
  for (int i = 0; i < 4; ++i) {
    row[i] = _mm256_permute2x128_si256(four[i], four[i + 4], 0x20);
    row[i + 4] = _mm256_permute2x128_si256(four[i], four[i + 4], 0x31);
  }
}
template <class Load, class Store>
R1_INLINE void transpose_16(Load load, Store store) {
  __m256i left[8], right[8];
  for (int half = 0; half < 2; ++half) {  // of the columns
    for (int i = 0; i < 8; ++i) {
      const U32x16 a = load(i), b = load(i + 8);
      left[i] = half == 0 ? a.low : a.high;
      right[i] = half == 0 ? b.low : b.high;
    }
    transpose_eight(left);
    transpose_eight(right);
    for (int i = 0; i < 8; ++i) store(half * 8 + i, U32x16{left[i], right[i]});
  }
}

R1_INLINE float fold(F32x16 x) {
  const __m256 eight = x.low + x.high;
  const __m128 four = _mm256_castps256_ps128(eight) + _mm256_extractf128_ps(eight, 1);
  const __m128 two = four + _mm_movehl_ps(four, four);
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
R1_INLINE float hmax(F32x16 x) {
  const __m256 eight = _mm256_max_ps(x.low, x.high);
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/// Bit i is lane i of the mask.
R1_INLINE uint32_t lane_bits(Mask mask) {
  return static_cast<uint32_t>(_mm256_movemask_ps(mask.low) | _mm256_movemask_ps(mask.high) << 8);
}
/// Whole part of 0 <= x < 2^31.
R1_INLINE U32x16 truncate(F32x16 x) {
  return {_mm256_cvttps_epi32(x.low), _mm256_cvttps_epi32(x.high)};
}

R1_SIMD_END
