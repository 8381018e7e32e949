// The scalar functions and sums that define every column's bits: 16 lanes folded 8, 4, 2, 1; our
// own exp and log.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace r1 {

constexpr int kLanes = 16;

/// Sums in 16 lanes: element i goes to lane i mod 16; then folded 8, 4, 2, 1.
struct LaneSum {
  float lane[kLanes] = {};

  void add(int64_t i, float x) { lane[i % kLanes] += x; }
  void fma(int64_t i, float a, float b) { lane[i % kLanes] = std::fmaf(a, b, lane[i % kLanes]); }
  float fold() const {
    float sum[kLanes];
    for (int i = 0; i < kLanes; ++i) sum[i] = lane[i];
    for (int width = kLanes / 2; width > 0; width /= 2) {
      for (int i = 0; i < width; ++i) sum[i] += sum[i + width];
    }
    return sum[0];
  }
};

namespace exp_constants {
constexpr float kLow = -87.3365f, kHigh = 88.3762f;  // below: 0; above: +inf
constexpr float kLog2e = 1.44269504f, kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
constexpr float kP[6] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                         4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};
}  // namespace exp_constants

/// e^x to 1.5 ulp (Cephes polynomial); 0 below -87.3, +inf above 88.3, NaN for NaN.
inline float exp_f32(float x) {
  using namespace exp_constants;
  const float clamped = x < kLow ? kLow : (x > kHigh ? kHigh : x);
  const float shifted = std::fmaf(clamped, kLog2e, kRound);
  const float n = shifted - kRound;
  float r = std::fmaf(n, -kLn2High, clamped);
  r = std::fmaf(n, -kLn2Low, r);
  float p = kP[0];
  for (int i = 1; i < 6; ++i) p = std::fmaf(p, r, kP[i]);
  p = std::fmaf(p, r * r, r) + 1.0f;
  const uint32_t bits = (std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(kRound) + 127)
                        << 23;
  const float y = p * std::bit_cast<float>(bits);
  return x < kLow ? 0.0f : (x > kHigh ? std::numeric_limits<float>::infinity() : y);
}

namespace log_constants {
constexpr float kSqrtHalf = 0.707106781186547524f;
constexpr float kP[9] = {7.0376836292e-2f,  -1.1514610310e-1f, 1.1676998740e-1f,
                         -1.2420140846e-1f, 1.4249322787e-1f,  -1.6668057665e-1f,
                         2.0000714765e-1f,  -2.4999993993e-1f, 3.3333331174e-1f};
constexpr float kLn2Low = -2.12194440e-4f, kLn2High = 0.693359375f;
}  // namespace log_constants

/// ln x for normal positive x, to 1 ulp (Cephes polynomial). Undefined elsewhere.
inline float log_f32(float x) {
  using namespace log_constants;
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  float e = static_cast<float>(static_cast<int32_t>(bits >> 23) - 126);
  float m = std::bit_cast<float>((bits & 0x007FFFFF) | 0x3F000000);  // [0.5, 1)
  const bool small = m < kSqrtHalf;
  e = small ? e - 1.0f : e;
  m = small ? (m + m) - 1.0f : m - 1.0f;
  const float z = m * m;
  float p = kP[0];
  for (int i = 1; i < 9; ++i) p = std::fmaf(p, m, kP[i]);
  float y = m * (z * p);
  y = std::fmaf(e, kLn2Low, y);
  y = std::fmaf(z, -0.5f, y);
  return std::fmaf(e, kLn2High, m + y);
}

/// The logistic function.
inline float sigmoid_f32(float x) { return 1.0f / (1.0f + exp_f32(-x)); }

namespace gumbel_constants {
constexpr float kStep = 0x1p-31f, kHalfStep = 0x1p-32f;
constexpr float kTop = 1.0f - 0x1p-24f;  // 1 − v stays positive
constexpr float kSmall = 0x1p-12f;       // below: two terms of the series are exact to an ulp
constexpr float kLargest = 22.25f;       // above every value of gumbel_f32
}  // namespace gumbel_constants

/// A standard Gumbel number from 32 random bits: −ln(−ln(1 − v)) with v = (bits / 2 + ½) 2^-31.
/// Small v give the large numbers, where a float is finest: the tail reaches probabilities of
/// 2^-32.
inline float gumbel_f32(uint32_t bits) {
  using namespace gumbel_constants;
  const float v = std::fmaf(static_cast<float>(static_cast<int32_t>(bits >> 1)), kStep, kHalfStep);
  const float u = v < kTop ? v : kTop;
  const float rate = u < kSmall ? std::fmaf(u * 0.5f, u, u) : -log_f32(1.0f - u);
  return -log_f32(rate);
}

}  // namespace r1
