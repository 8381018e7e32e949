// Eight-bit floating point: e4m3 (finite, as FP8 checkpoints store weights) and e5m2.
#pragma once

#include <array>
#include <cstdint>

namespace r1 {

namespace float8 {
extern const std::array<float, 256> kE4m3, kE5m2;
}  // namespace float8

/// 1 sign, 4 exponent (bias 7), 3 mantissa bits; no infinities, 0x7F and 0xFF are NaN.
inline float e4m3_to_f32(uint8_t code) { return float8::kE4m3[code]; }
/// To nearest, ties to even; beyond 448, infinities too, ±448; NaN gives 0x7F.
uint8_t f32_to_e4m3(float x);

/// 1 sign, 5 exponent (bias 15), 2 mantissa bits: the upper byte of an f16.
inline float e5m2_to_f32(uint8_t code) { return float8::kE5m2[code]; }

}  // namespace r1
