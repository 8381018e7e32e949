#include "nn/rope_table.h"

#include <gtest/gtest.h>

#include <cmath>

namespace r1 {
namespace {

TEST(SinCos, AgreesWithTheLibraryToTheLastBits) {
  for (int i = -4000; i <= 40000; ++i) {
    const double x = 0.37 * i + 0.001;
    double s, c;
    sin_cos(x, &s, &c);
    ASSERT_NEAR(s, std::sin(x), 1e-15) << x;
    ASSERT_NEAR(c, std::cos(x), 1e-15) << x;
  }
  for (double x : {1e5, 9.99e5, -123456.789, 1e-9, 0.7853981633974483, 3.141592653589793}) {
    double s, c;
    sin_cos(x, &s, &c);
    EXPECT_NEAR(s, std::sin(x), 1e-15) << x;
    EXPECT_NEAR(c, std::cos(x), 1e-15) << x;
  }
}

TEST(SinCos, KnowsThePlainAngles) {
  double s, c;
  sin_cos(0.0, &s, &c);
  EXPECT_EQ(s, 0.0);
  EXPECT_EQ(c, 1.0);
  sin_cos(std::acos(0.0), &s, &c);
  EXPECT_EQ(s, 1.0);
  EXPECT_NEAR(c, 0.0, 1e-16);
  sin_cos(std::acos(-1.0) / 6, &s, &c);
  EXPECT_NEAR(s, 0.5, 1e-16);
}

TEST(RopeTable, HoldsTheAnglesOfEachPosition) {
  RopeTable table;
  table.build(300, 6, 10000.0);
  ASSERT_EQ(table.cos().shape_text(), "(300, 3)");
  EXPECT_EQ(table.n_positions(), 300);
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(table.cos().row(0)[i], 1.0f);
    EXPECT_EQ(table.sin().row(0)[i], 0.0f);
  }
  EXPECT_FLOAT_EQ(table.cos().row(1)[0], 0.54030231f);
  EXPECT_FLOAT_EQ(table.sin().row(2)[0], 0.90929743f);
  for (int64_t p = 0; p < 300; ++p) {
    for (int64_t i = 0; i < 3; ++i) {  // the angle is an f32 product, as in the Hugging Face code
      const float frequency =
          static_cast<float>(std::pow(10000.0, -static_cast<double>(2 * i) / 6.0));
      const double angle = static_cast<float>(p) * frequency;
      ASSERT_NEAR(table.cos().row(p)[i], std::cos(angle), 6e-8);
      ASSERT_NEAR(table.sin().row(p)[i], std::sin(angle), 6e-8);
    }
  }
}

TEST(RopeTable, GrowsAsPositionsAreReached) {
  RopeTable table;
  table.build(100'000, 4, 10000.0);
  table.reach(70'000);
  EXPECT_NEAR(table.cos().row(70'000)[0], std::cos(70'000.0), 1e-6);
  table.reach(99'999);
  EXPECT_NEAR(table.sin().row(99'999)[0], std::sin(99'999.0), 1e-6);
}

std::vector<double> ratios(int64_t D, double theta, const RopeScaling& scaling) {
  const auto scaled = rope_frequencies(D, theta, scaling), plain = rope_frequencies(D, theta, {});
  std::vector<double> r;
  for (size_t i = 0; i < plain.size(); ++i) r.push_back(plain[i] / scaled[i]);
  return r;
}

// DeepSeek-V3: the ramp goes from index 10 to 23 of 32 (spec: dim(32) = 10.47, dim(1) = 22.51).
TEST(RopeScaling, YarnKeepsFastFrequenciesAndDividesSlowOnes) {
  RopeScaling s;
  s.kind = RopeScaling::Kind::kYarn;
  s.factor = 40;
  s.original_max_positions = 4096;
  const auto r = ratios(64, 10000.0, s);
  for (size_t i = 0; i < 32; ++i) {
    const double low = i >= 23 ? 40 : i > 10 ? 1.01 : 1, high = i <= 10 ? 1 : i < 23 ? 39.9 : 40;
    EXPECT_GE(r[i], low - 1e-4) << i;
    EXPECT_LE(r[i], high + 1e-4) << i;
  }
}

TEST(RopeScaling, Llama3DividesWavesLongerThanTheOriginalContext) {
  RopeScaling s;
  s.kind = RopeScaling::Kind::kLlama3;
  s.factor = 8;
  s.original_max_positions = 8192;
  const auto plain = rope_frequencies(128, 5e5, {});
  const auto r = ratios(128, 5e5, s);
  for (size_t i = 0; i < r.size(); ++i) {
    const double wave = 2 * M_PI / plain[i];
    if (wave >= 8192 / 4.0 && wave <= 8192) continue;  // the smooth part
    EXPECT_NEAR(r[i], wave > 8192 ? 8 : 1, 1e-5) << i;
  }
  s.kind = RopeScaling::Kind::kLinear;
  for (double x : ratios(128, 5e5, s)) EXPECT_NEAR(x, 8, 1e-5);
}

TEST(RopeTable, APlanHasShapesAndNoNumbers) {
  RopeTable table;
  table.plan(300, 6);
  EXPECT_EQ(table.cos().shape_text(), "(300, 3)");
  EXPECT_EQ(table.cos().data, nullptr);
}

}  // namespace
}  // namespace r1
