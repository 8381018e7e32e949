#include "kernels/lanes.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace r1 {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

/// Distance from the exact value in units of the last place of a float of its size.
double ulps(float actual, double exact) {
  const float rounded = static_cast<float>(std::abs(exact));
  return std::abs(actual - exact) / (std::nextafter(rounded, kInf) - static_cast<double>(rounded));
}

TEST(LaneSum, PutsElementIInLaneIMod16AndFoldsByHalves) {
  LaneSum sum;
  for (int i = 0; i < 40; ++i) sum.add(i, static_cast<float>(i));
  EXPECT_EQ(sum.lane[3], 3.0f + 19.0f + 35.0f);
  EXPECT_EQ(sum.lane[8], 8.0f + 24.0f);
  EXPECT_EQ(sum.fold(), 780.0f);
  LaneSum order;  // 2^24 and 1 meet only after 8, 4 and 2 have been folded
  order.add(0, 16777216.0f);
  order.add(1, 1.0f);
  order.add(9, 1.0f);
  EXPECT_EQ(order.fold(), 16777218.0f);
}

TEST(Exp, IsWithinTwoUlp) {
  EXPECT_EQ(exp_f32(0.0f), 1.0f);
  double worst = 0;
  for (float x = -87.3f; x < 88.37f; x += 0.00037f)
    worst = std::max(worst, ulps(exp_f32(x), std::exp(double{x})));
  for (float x = -1e-3f; x < 1e-3f; x += 1.7e-8f)
    worst = std::max(worst, ulps(exp_f32(x), std::exp(double{x})));
  EXPECT_LT(worst, 2.0);
  RecordProperty("worst_ulp", std::to_string(worst));
}

TEST(Exp, EndsInZeroAndInfinityAndPassesNaNOn) {
  EXPECT_EQ(exp_f32(-kInf), 0.0f);
  EXPECT_EQ(exp_f32(-87.4f), 0.0f);
  EXPECT_EQ(exp_f32(std::numeric_limits<float>::lowest()), 0.0f);
  EXPECT_EQ(exp_f32(89.0f), kInf);
  EXPECT_EQ(exp_f32(kInf), kInf);
  EXPECT_TRUE(std::isnan(exp_f32(std::nanf(""))));
  EXPECT_EQ(exp_f32(-0.0f), 1.0f);
}

TEST(Log, IsWithinTwoUlp) {
  EXPECT_EQ(log_f32(1.0f), 0.0f);
  double worst = 0;
  for (uint32_t bits = 0x00800000; bits < 0x7F800000; bits += 1009) {
    const float x = std::bit_cast<float>(bits);
    if (x != 1.0f) worst = std::max(worst, ulps(log_f32(x), std::log(double{x})));
  }
  for (uint32_t bits = 0x3F700000; bits < 0x3F900000; bits += 3) {
    const float x = std::bit_cast<float>(bits);
    if (x != 1.0f) worst = std::max(worst, ulps(log_f32(x), std::log(double{x})));
  }
  EXPECT_LT(worst, 2.0);
  RecordProperty("worst_ulp", std::to_string(worst));
}

TEST(Sigmoid, IsHalfAtZeroAndSaturates) {
  EXPECT_EQ(sigmoid_f32(0.0f), 0.5f);
  EXPECT_EQ(sigmoid_f32(100.0f), 1.0f);
  EXPECT_EQ(sigmoid_f32(-100.0f), 0.0f);
  EXPECT_NEAR(sigmoid_f32(1.0f), 1 / (1 + std::exp(-1.0)), 1e-7);
}

TEST(Gumbel, StaysFiniteAndBelowItsBound) {
  for (uint32_t bits : {0u, 1u, 2u, 3u, 1u << 19, 1u << 20, (1u << 20) + 2, 0x7FFFFFFFu,
                        0xFFFFFF00u, 0xFFFFFFFEu, 0xFFFFFFFFu}) {
    EXPECT_TRUE(std::isfinite(gumbel_f32(bits))) << bits;
    EXPECT_LE(gumbel_f32(bits), gumbel_constants::kLargest) << bits;
    const double v = (bits / 2 + 0.5) / 2147483648.0;
    if (bits < 0xF0000000u) {
      EXPECT_NEAR(gumbel_f32(bits), -std::log(-std::log1p(-v)), 2e-4) << bits;
    }
  }
}

TEST(Gumbel, HasTheMeanAndVarianceOfAGumbelNumber) {
  Rng rng(3, 4);
  const int n = 400000;
  double sum = 0, squares = 0;
  for (int i = 0; i < n; ++i) {
    const double g = gumbel_f32(rng.next());
    sum += g;
    squares += g * g;
  }
  EXPECT_NEAR(sum / n, 0.57722, 4 * 1.2825 / std::sqrt(n));
  EXPECT_NEAR(squares / n - sum / n * (sum / n), 1.64493, 0.02);
}

}  // namespace
}  // namespace r1
