// Losses of a reward model: known answers, derivatives against central differences, calibration.
#include "train/preference_loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace r1 {
namespace {

using Floats = std::vector<float>;

double value(const Metrics& metrics, const std::string& name) {
  for (const auto& [key, v] : metrics) {
    if (key == name) return v;
  }
  ADD_FAILURE() << "no metric " << name;
  return 0;
}

double pairs_loss(const Floats& s, const Floats& margin, double center, Floats& d) {
  const size_t n = margin.size();
  const std::span<const float> all(s);
  d.resize(2 * n);
  return bradley_terry(all.first(n), all.subspan(n), margin, center, 2.0, std::span(d).first(n),
                       std::span(d).subspan(n));
}

TEST(BradleyTerry, IsLogTwoForEqualScores) {
  Floats d;
  EXPECT_DOUBLE_EQ(pairs_loss({0, 0}, {0}, 0, d), std::log(2.0) / 2);
  EXPECT_EQ(d, (Floats{-0.25f, 0.25f}));
}

TEST(BradleyTerry, FollowsTheFormulaWithMarginAndCenter) {
  Floats d;
  // -ln σ(2 - 0.5 - 1) + 0.1 (2 + 0.5)²
  const double want = std::log1p(std::exp(-0.5)) + 0.1 * 6.25;
  EXPECT_NEAR(pairs_loss({2.0f, 0.5f}, {1.0f}, 0.1, d), want / 2, 1e-12);
}

TEST(BradleyTerry, SurvivesHugeScores) {
  Floats d;
  EXPECT_NEAR(pairs_loss({-1e4f, 1e4f}, {0}, 0, d), 1e4, 1e-6);
  EXPECT_EQ(d, (Floats{-0.5f, 0.5f}));
  EXPECT_EQ(pairs_loss({1e4f, -1e4f}, {0}, 0, d), 0);
}

/// d against (loss(s + h) - loss(s - h)) / 2h, in steps of what floats hold exactly.
void expect_derivative(const Floats& s, const std::function<double(const Floats&, Floats&)>& loss) {
  Floats d, ignored;
  loss(s, d);
  for (size_t i = 0; i < s.size(); ++i) {
    constexpr float kStep = 1.0f / 1024;
    Floats up = s, down = s;
    up[i] += kStep, down[i] -= kStep;
    const double slope = (loss(up, ignored) - loss(down, ignored)) / (2.0 * kStep);
    EXPECT_NEAR(d[i], slope, 1e-6) << i;
  }
}

TEST(BradleyTerry, DerivativeMatchesCentralDifferences) {
  for (const double center : {0.0, 0.3}) {
    expect_derivative({1.5f, -0.25f, 3.0f, 0.5f, 0.75f, -2.0f}, [&](const Floats& s, Floats& d) {
      return pairs_loss(s, {0.0f, 0.5f, -1.0f}, center, d);
    });
  }
}

TEST(BinaryCrossEntropy, FollowsTheFormula) {
  Floats d(2);
  const Floats s{0.0f, 2.0f}, y{1.0f, 0.0f};
  EXPECT_NEAR(binary_cross_entropy(s, y, 1.0, d), std::log(2.0) + std::log1p(std::exp(2.0)), 1e-12);
  EXPECT_FLOAT_EQ(d[0], -0.5f);
}

TEST(BinaryCrossEntropy, DerivativeMatchesCentralDifferences) {
  expect_derivative({1.5f, -0.25f, 3.0f}, [](const Floats& s, Floats& d) {
    d.resize(3);
    return binary_cross_entropy(s, Floats{1, 0, 0}, 3.0, d);
  });
}

TEST(Calibration, FollowsExamplesSolvedByHand) {
  const std::vector<double> p{0.95, 0.95, 0.15, 0.15};
  const std::vector<int> y{1, 0, 0, 0};
  EXPECT_NEAR(brier_score(p, y), (0.0025 + 0.9025 + 2 * 0.0225) / 4, 1e-12);
  // bin 9: |0.95 - 0.5| of half the rows, bin 1: 0.15 of the other half
  EXPECT_NEAR(calibration_error(p, y), 0.5 * 0.45 + 0.5 * 0.15, 1e-12);
  EXPECT_EQ(calibration_error(std::vector<double>{1.0, 0.0}, std::vector<int>{1, 0}), 0);
  EXPECT_EQ(calibration_error({}, {}), 0);
}

TEST(DescribePairs, CountsTheRightOrder) {
  const Metrics m = describe_pairs(Floats{2, 1, 0}, Floats{1, 3, 0});
  EXPECT_DOUBLE_EQ(value(m, "accuracy"), 1.0 / 3);  // a tie is no right order
  EXPECT_DOUBLE_EQ(value(m, "margin"), -1.0 / 3);
  EXPECT_DOUBLE_EQ(value(m, "mean_reward"), 7.0 / 6);
  EXPECT_EQ(value(m, "min_reward"), 0);
  EXPECT_EQ(value(m, "max_reward"), 3);
}

TEST(DescribeLabelled, TakesTheSignAsTheVerdict) {
  const Metrics m = describe_labelled(Floats{2, -1, 1}, Floats{1, 0, 0});
  EXPECT_DOUBLE_EQ(value(m, "accuracy"), 2.0 / 3);
  EXPECT_DOUBLE_EQ(value(m, "margin"), 2.0);
  const Metrics one = describe_labelled(Floats{2}, Floats{1});  // no margin without both labels
  for (const auto& [name, v] : one) EXPECT_NE(name, "margin");
}

}  // namespace
}  // namespace r1
