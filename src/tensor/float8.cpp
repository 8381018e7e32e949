#include "tensor/float8.h"

#include <bit>

#include "tensor/tensor.h"

namespace r1 {
namespace {

constexpr float e4m3_value(uint32_t code) {
  const uint32_t exponent = (code >> 3) & 15, mantissa = code & 7;
  uint32_t bits = (code & 0x80) << 24;
  if ((code & 0x7F) == 0x7F) return std::bit_cast<float>(bits | 0x7FC00000);
  if (exponent != 0) return std::bit_cast<float>(bits | (exponent + 120) << 23 | mantissa << 20);
  const float value = static_cast<float>(mantissa) * 0x1p-9f;
  return code & 0x80 ? -value : value;
}

constexpr std::array<float, 256> table(float (*value)(uint32_t)) {
  std::array<float, 256> values{};
  for (uint32_t code = 0; code < 256; ++code) values[code] = value(code);
  return values;
}

}  // namespace

namespace float8 {
constexpr std::array<float, 256> kE4m3 = table(e4m3_value);
constexpr std::array<float, 256> kE5m2 =
    table([](uint32_t code) { return f16_to_f32(static_cast<uint16_t>(code << 8)); });
}  // namespace float8

uint8_t f32_to_e4m3(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint32_t magnitude = bits & 0x7FFFFFFF, sign = bits >> 24 & 0x80;
  if (magnitude > 0x7F800000) return 0x7F;
  if (magnitude >= 0x43E00000) return static_cast<uint8_t>(sign | 0x7E);  // 448 and more
  if (magnitude < 0x3C800000) {  // below 2^-6 codes are multiples of 2^-9: let the FPU round
    const float shifted = std::bit_cast<float>(magnitude) + 0x1p14f;
    return static_cast<uint8_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x46800000));
  }
  const uint32_t rounded = magnitude + 0x7FFFF + (magnitude >> 20 & 1);
  return static_cast<uint8_t>(sign | ((rounded - 0x3C000000) >> 20));
}

}  // namespace r1
