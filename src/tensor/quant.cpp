#include "tensor/quant.h"

#include <array>
#include <cmath>
#include <cstring>

#include "tensor/tensor.h"

namespace r1 {
namespace {

float half_at(const uint8_t* p) { return f16_to_f32(static_cast<uint16_t>(p[0] | p[1] << 8)); }
void put_half(uint8_t* p, float value) {
  const uint16_t half = f32_to_f16(value);
  p[0] = static_cast<uint8_t>(half & 255);
  p[1] = static_cast<uint8_t>(half >> 8);
}

// Every block below: pointers do not overlap, and loops have a fixed length so that they vectorise.

/// f16 d, 32 int8: d q.
void q8_0_to_f32(const uint8_t* __restrict block, float* __restrict to) {
  const float d = half_at(block);
  const auto* q = reinterpret_cast<const int8_t*>(block + 2);
  for (int i = 0; i < 32; ++i) to[i] = static_cast<float>(q[i]) * d;
}

/// f16 d, 16 bytes with elements i and i + 16 in a byte: d (q - 8).
void q4_0_to_f32(const uint8_t* __restrict block, float* __restrict to) {
  const float d = half_at(block);
  const uint8_t* q = block + 2;
  for (int i = 0; i < 16; ++i) to[i] = static_cast<float>((q[i] & 15) - 8) * d;
  for (int i = 0; i < 16; ++i) to[i + 16] = static_cast<float>((q[i] >> 4) - 8) * d;
}

/// The 6-bit scale and minimum of part i of 8, as Q4_K and Q5_K pack them into 12 bytes.
struct ScaleMin {
  int scale, min;
};
ScaleMin scale_min(const uint8_t* packed, int i) {
  if (i < 4) return {packed[i] & 63, packed[i + 4] & 63};
  return {(packed[i + 4] & 15) | (packed[i - 4] >> 6) << 4, packed[i + 4] >> 4 | (packed[i] >> 6)
                                                                                     << 4};
}

/// f16 d, f16 dmin, 12 bytes of scales, 128 bytes: d scale q - dmin min, 8 parts of 32; parts 2 i
/// and 2 i + 1 share bytes.
void q4_k_to_f32(const uint8_t* __restrict block, float* __restrict to) {
  const float d = half_at(block), dmin = half_at(block + 2);
  for (int part = 0; part < 8; ++part, to += 32) {
    const uint8_t* q = block + 16 + part / 2 * 32;
    const auto [scale, min] = scale_min(block + 4, part);
    const float factor = d * static_cast<float>(scale), offset = dmin * static_cast<float>(min);
    const int shift = part % 2 * 4;
    for (int i = 0; i < 32; ++i) to[i] = factor * static_cast<float>(q[i] >> shift & 15) - offset;
  }
}

/// As Q4_K, with 32 bytes of fifth bits (bit part of byte i) before the 128.
void q5_k_to_f32(const uint8_t* __restrict block, float* __restrict to) {
  const float d = half_at(block), dmin = half_at(block + 2);
  const uint8_t* high = block + 16;
  for (int part = 0; part < 8; ++part, to += 32) {
    const uint8_t* q = block + 48 + part / 2 * 32;
    const auto [scale, min] = scale_min(block + 4, part);
    const float factor = d * static_cast<float>(scale), offset = dmin * static_cast<float>(min);
    const int shift = part % 2 * 4;
    for (int i = 0; i < 32; ++i) {
      const int value = (q[i] >> shift & 15) | (high[i] >> part & 1) << 4;
      to[i] = factor * static_cast<float>(value) - offset;
    }
  }
}

/// 128 bytes of lower nibbles, 64 bytes of upper bit pairs, 16 int8 scales, f16 d: d scale (q -
/// 32).
void q6_k_to_f32(const uint8_t* __restrict block, float* __restrict to) {
  const float d = half_at(block + 208);
  for (int half = 0; half < 2; ++half) {
    const uint8_t *low = block + half * 64, *high = block + 128 + half * 32;
    const auto* scales = reinterpret_cast<const int8_t*>(block + 192 + half * 8);
    for (int part = 0; part < 8; ++part, to += 16) {  // 16 elements share a scale
      const uint8_t *l = low + part % 4 * 16, *h = high + part % 2 * 16;
      const float factor = d * static_cast<float>(scales[part]);
      const int low_shift = part / 4 * 4, high_shift = part / 2 * 2;
      for (int i = 0; i < 16; ++i) {
        const int q = (l[i] >> low_shift & 15) | (h[i] >> high_shift & 3) << 4;
        to[i] = factor * static_cast<float>(q - 32);
      }
    }
  }
}

float greater(float a, float b) { return a < b ? b : a; }  // a where b is not a number

float largest_magnitude(const float* __restrict from) {
  float lane[16];
  for (int i = 0; i < 16; ++i) lane[i] = greater(0.0f, std::fabs(from[i]));
  for (int i = 0; i < 16; ++i) lane[i] = greater(lane[i], std::fabs(from[i + 16]));
  for (int i = 0; i < 8; ++i) lane[i] = greater(lane[i], lane[i + 8]);
  for (int i = 1; i < 8; ++i) lane[0] = greater(lane[0], lane[i]);
  return lane[0];
}

void f32_to_q8_0(const float* __restrict from, uint8_t* __restrict block) {
  const float d = largest_magnitude(from) / 127.0f, inverse = d != 0.0f ? 1.0f / d : 0.0f;
  put_half(block, d);
  float scaled[32];
  int q[32];
  for (int i = 0; i < 32; ++i) scaled[i] = from[i] * inverse;
  // What is not a number becomes 127. One comparison a loop: with two it is not vectorised.
  for (int i = 0; i < 32; ++i) scaled[i] = scaled[i] < 127.0f ? scaled[i] : 127.0f;
  for (int i = 0; i < 32; ++i) scaled[i] = scaled[i] > -127.0f ? scaled[i] : -127.0f;
  for (int i = 0; i < 32; ++i) {  // roundf: halves away from zero
    const int whole = static_cast<int>(scaled[i]);
    q[i] = whole + static_cast<int>(2.0f * (scaled[i] - static_cast<float>(whole)));
  }
  for (int i = 0; i < 32; ++i) block[2 + i] = static_cast<uint8_t>(q[i]);
}

void f32_to_q4_0(const float* __restrict from, uint8_t* __restrict block) {
  float largest = 0.0f, extreme = 0.0f;  // the first of the largest, with its sign: it becomes -8
  for (int i = 0; i < 32; ++i) {
    const float a = std::fabs(from[i]);
    extreme = largest < a ? from[i] : extreme;
    largest = largest < a ? a : largest;
  }
  const float d = extreme / -8.0f, inverse = d != 0.0f ? 1.0f / d : 0.0f;
  put_half(block, d);
  int q[32];
  for (int i = 0; i < 32; ++i) {
    const float shifted = from[i] * inverse + 8.5f;
    const float above = shifted > 0.0f ? shifted : 0.0f;  // also what is not a number
    q[i] = static_cast<int>(above < 15.0f ? above : 15.0f);
  }
  for (int i = 0; i < 16; ++i) block[2 + i] = static_cast<uint8_t>(q[i] | q[i + 16] << 4);
}

struct Format {
  const char* name;
  int64_t elements, bytes;
  void (*to_f32)(const uint8_t*, float*);
  void (*from_f32)(const float*, uint8_t*);  // null: read only
};
constexpr std::array kFormats{Format{"Q8_0", 32, 34, q8_0_to_f32, f32_to_q8_0},
                              Format{"Q4_0", 32, 18, q4_0_to_f32, f32_to_q4_0},
                              Format{"Q4_K", 256, 144, q4_k_to_f32, nullptr},
                              Format{"Q5_K", 256, 176, q5_k_to_f32, nullptr},
                              Format{"Q6_K", 256, 210, q6_k_to_f32, nullptr}};
const Format& traits(BlockFormat format) { return kFormats[static_cast<size_t>(format)]; }

}  // namespace

int64_t block_elements(BlockFormat format) { return traits(format).elements; }
int64_t block_bytes(BlockFormat format) { return traits(format).bytes; }
const char* block_format_name(BlockFormat format) { return traits(format).name; }

void dequantize(BlockFormat format, const std::byte* blocks, float* to, int64_t n) {
  const Format f = traits(format);
  CHECK(n % f.elements == 0, "{} elements in blocks of {}", n, f.elements);
  const auto* from = reinterpret_cast<const uint8_t*>(blocks);
  for (int64_t i = 0; i < n; i += f.elements, from += f.bytes) f.to_f32(from, to + i);
}

void quantize(BlockFormat format, const float* from, std::byte* blocks, int64_t n) {
  const Format f = traits(format);
  CHECK(f.from_f32 && n % f.elements == 0, "{} elements to {}", n, f.name);
  auto* to = reinterpret_cast<uint8_t*>(blocks);
  for (int64_t i = 0; i < n; i += f.elements, to += f.bytes) f.from_f32(from + i, to);
}

}  // namespace r1
