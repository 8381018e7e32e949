// F32x16 as an array, one lane at a time: for machines without a column of their own. Included by
// simd.h only.
#pragma once

R1_SIMD_BEGIN

struct F32x16 {
  float lane[16];
};
struct U32x16 {
  uint32_t lane[16];
};
struct Mask {
  bool lane[16];
};

template <class To, class From, class Function>
R1_INLINE To map_lanes(const From& a, Function f) {
  To y;
  for (int i = 0; i < 16; ++i) y.lane[i] = f(a.lane[i]);
  return y;
}
template <class To, class From, class Function>
R1_INLINE To zip_lanes(const From& a, const From& b, Function f) {
  To y;
  for (int i = 0; i < 16; ++i) y.lane[i] = f(a.lane[i], b.lane[i]);
  return y;
}

R1_INLINE Mask first_lanes(int64_t n) {
  Mask mask;
  for (int i = 0; i < 16; ++i) mask.lane[i] = i < n;
  return mask;
}

R1_INLINE F32x16 load(const float* p) {
  F32x16 x;
  std::memcpy(x.lane, p, sizeof x.lane);
  return x;
}
R1_INLINE F32x16 load_partial(const float* p, int64_t n) {
  F32x16 x{};
  std::memcpy(x.lane, p, n * sizeof(float));
  return x;
}
R1_INLINE void store(float* p, F32x16 x) { std::memcpy(p, x.lane, sizeof x.lane); }
R1_INLINE void store_partial(float* p, F32x16 x, int64_t n) {
  std::memcpy(p, x.lane, n * sizeof(float));
}
R1_INLINE F32x16 broadcast(float value) {
  F32x16 x;
  for (float& lane : x.lane) lane = value;
  return x;
}
R1_INLINE F32x16 zero() { return F32x16{}; }

R1_INLINE F32x16 operator+(F32x16 a, F32x16 b) {
  return zip_lanes<F32x16>(a, b, [](float x, float y) { return x + y; });
}
R1_INLINE F32x16 operator-(F32x16 a, F32x16 b) {
  return zip_lanes<F32x16>(a, b, [](float x, float y) { return x - y; });
}
R1_INLINE F32x16 operator*(F32x16 a, F32x16 b) {
  return zip_lanes<F32x16>(a, b, [](float x, float y) { return x * y; });
}
R1_INLINE F32x16 operator/(F32x16 a, F32x16 b) {
  return zip_lanes<F32x16>(a, b, [](float x, float y) { return x / y; });
}
R1_INLINE F32x16 fma(F32x16 a, F32x16 b, F32x16 c) {
  F32x16 y;
  for (int i = 0; i < 16; ++i) y.lane[i] = std::fmaf(a.lane[i], b.lane[i], c.lane[i]);
  return y;
}
R1_INLINE F32x16 sqrt(F32x16 x) {
  return map_lanes<F32x16>(x, [](float a) { return std::sqrt(a); });
}

R1_INLINE Mask less(F32x16 a, F32x16 b) {
  return zip_lanes<Mask>(a, b, [](float x, float y) { return x < y; });
}
R1_INLINE F32x16 select(Mask mask, F32x16 a, F32x16 b) {
  F32x16 y;
  for (int i = 0; i < 16; ++i) y.lane[i] = mask.lane[i] ? a.lane[i] : b.lane[i];
  return y;
}
R1_INLINE F32x16 max(F32x16 a, F32x16 b) {
  return zip_lanes<F32x16>(a, b, [](float x, float y) { return x < y ? y : x; });
}
R1_INLINE F32x16 min(F32x16 a, F32x16 b) {
  return zip_lanes<F32x16>(a, b, [](float x, float y) { return y < x ? y : x; });
}

R1_INLINE U32x16 load_u32(const uint32_t* p) {
  U32x16 x;
  std::memcpy(x.lane, p, sizeof x.lane);
  return x;
}
R1_INLINE void store_u32(uint32_t* p, U32x16 x) { std::memcpy(p, x.lane, sizeof x.lane); }
R1_INLINE U32x16 broadcast_u32(uint32_t value) {
  U32x16 x;
  for (uint32_t& lane : x.lane) lane = value;
  return x;
}
R1_INLINE U32x16 as_u32(F32x16 x) {
  return map_lanes<U32x16>(x, [](float a) { return std::bit_cast<uint32_t>(a); });
}
R1_INLINE F32x16 as_f32(U32x16 x) {
  return map_lanes<F32x16>(x, [](uint32_t a) { return std::bit_cast<float>(a); });
}
R1_INLINE F32x16 to_f32(U32x16 x) {
  return map_lanes<F32x16>(x,
                           [](uint32_t a) { return static_cast<float>(static_cast<int32_t>(a)); });
}
R1_INLINE U32x16 operator+(U32x16 a, U32x16 b) {
  return zip_lanes<U32x16>(a, b, [](uint32_t x, uint32_t y) { return x + y; });
}
R1_INLINE U32x16 operator-(U32x16 a, U32x16 b) {
  return zip_lanes<U32x16>(a, b, [](uint32_t x, uint32_t y) { return x - y; });
}
R1_INLINE U32x16 operator^(U32x16 a, U32x16 b) {
  return zip_lanes<U32x16>(a, b, [](uint32_t x, uint32_t y) { return x ^ y; });
}
R1_INLINE U32x16 operator&(U32x16 a, U32x16 b) {
  return zip_lanes<U32x16>(a, b, [](uint32_t x, uint32_t y) { return x & y; });
}
R1_INLINE U32x16 operator|(U32x16 a, U32x16 b) {
  return zip_lanes<U32x16>(a, b, [](uint32_t x, uint32_t y) { return x | y; });
}
template <int kBits>
R1_INLINE U32x16 shift_left(U32x16 x) {
  return map_lanes<U32x16>(x, [](uint32_t a) { return a << kBits; });
}
template <int kBits>
R1_INLINE U32x16 shift_right(U32x16 x) {
  return map_lanes<U32x16>(x, [](uint32_t a) { return a >> kBits; });
}
R1_INLINE U32x16 mul_low(U32x16 a, U32x16 b) {
  return zip_lanes<U32x16>(a, b, [](uint32_t x, uint32_t y) { return x * y; });
}
R1_INLINE U32x16 mul_high(U32x16 a, U32x16 b) {
  return zip_lanes<U32x16>(
      a, b, [](uint32_t x, uint32_t y) { return static_cast<uint32_t>(uint64_t{x} * y >> 32); });
}

R1_INLINE F32x16 load_bf16(const uint16_t* p) {
  F32x16 x;
  for (int i = 0; i < 16; ++i) x.lane[i] = bf16_to_f32(p[i]);
  return x;
}
R1_INLINE F32x16 load_bf16_partial(const uint16_t* p, int64_t n) {
  F32x16 x{};
  for (int64_t i = 0; i < n; ++i) x.lane[i] = bf16_to_f32(p[i]);
  return x;
}
R1_INLINE void store_bf16_partial(uint16_t* p, F32x16 x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) p[i] = f32_to_bf16(x.lane[i]);
}
R1_INLINE void store_bf16(uint16_t* p, F32x16 x) { store_bf16_partial(p, x, 16); }

R1_INLINE F32x16 load_f16(const uint16_t* p) {
  F32x16 x;
  for (int i = 0; i < 16; ++i) x.lane[i] = f16_to_f32(p[i]);
  return x;
}
R1_INLINE F32x16 load_i8(const int8_t* p) {
  F32x16 x;
  for (int i = 0; i < 16; ++i) x.lane[i] = p[i];
  return x;
}
R1_INLINE void load_nibbles(const uint8_t* p, F32x16& low, F32x16& high) {
  for (int i = 0; i < 16; ++i) low.lane[i] = static_cast<float>((p[i] & 15) - 8);
  for (int i = 0; i < 16; ++i) high.lane[i] = static_cast<float>((p[i] >> 4) - 8);
}
R1_INLINE U32x16 load_u8(const uint8_t* p) {
  U32x16 x;
  for (int i = 0; i < 16; ++i) x.lane[i] = p[i];
  return x;
}
R1_INLINE U32x16 load_u16(const uint16_t* p) {
  U32x16 x;
  for (int i = 0; i < 16; ++i) x.lane[i] = p[i];
  return x;
}
R1_INLINE void store_u8(uint8_t* p, U32x16 x) {
  for (int i = 0; i < 16; ++i) p[i] = static_cast<uint8_t>(x.lane[i]);
}
R1_INLINE void store_u16(uint16_t* p, U32x16 x) {
  for (int i = 0; i < 16; ++i) p[i] = static_cast<uint16_t>(x.lane[i]);
}
template <class Load, class Store>
R1_INLINE void transpose_16(Load load, Store store) {
  U32x16 columns[16];
  for (int i = 0; i < 16; ++i) {
    const U32x16 row = load(i);
    for (int j = 0; j < 16; ++j) columns[j].lane[i] = row.lane[j];
  }
  for (int i = 0; i < 16; ++i) store(i, columns[i]);
}

R1_INLINE float fold(F32x16 x) {
  for (int width = 8; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) x.lane[i] += x.lane[i + width];
  }
  return x.lane[0];
}
R1_INLINE float hmax(F32x16 x) {
  float largest = x.lane[0];
  for (float lane : x.lane) largest = largest < lane ? lane : largest;
  return largest;
}

/// Bit i is lane i of the mask.
R1_INLINE uint32_t lane_bits(Mask mask) {
  uint32_t bits = 0;
  for (int i = 0; i < 16; ++i) bits |= static_cast<uint32_t>(mask.lane[i]) << i;
  return bits;
}
/// Whole part of 0 <= x < 2^31.
R1_INLINE U32x16 truncate(F32x16 x) {
  return map_lanes<U32x16>(x, [](float a) { return static_cast<uint32_t>(a); });
}

R1_SIMD_END
