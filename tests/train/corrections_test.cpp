#include "train/corrections.h"

#include <gtest/gtest.h>

#include <cmath>

namespace r1 {
namespace {

using Floats = std::vector<float>;

/// rho = 3, 1/4, 1: of the answer 3/4, its geometric mean (3/4)^(1/3).
const Floats kSampler{-2, -1, -0.5f};
const Floats kOld{-2 + std::log(3.0f), -1 - std::log(4.0f), -0.5f};

Floats weights(const RolloutCorrection& config, CorrectionStats* stats = nullptr) {
  CorrectionStats unused;
  return correction_weights(config, kOld, kSampler, stats ? *stats : unused);
}

RolloutCorrection with(const std::string& is, double cap, const std::string& rs = "none",
                       double high = 2, double low = 0) {
  RolloutCorrection c;
  c.rollout_is = is;
  c.rollout_is_threshold = cap;
  c.rollout_rs = rs;
  c.rollout_rs_threshold = high;
  c.rollout_rs_threshold_lower = low;
  return c;
}

void expect_near(const Floats& actual, const Floats& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 1e-6) << i;
}

TEST(Corrections, TruncateTheRatioOfEachTokenOrOfTheAnswer) {
  expect_near(weights(with("token", 2)), {2, 0.25f, 1});
  expect_near(weights(with("token", 5)), {3, 0.25f, 1});
  expect_near(weights(with("sequence", 2)), {0.75f, 0.75f, 0.75f});
  expect_near(weights(with("sequence", 0.5)), {0.5f, 0.5f, 0.5f});
  expect_near(weights(with("none", 2)), {1, 1, 1});
}

TEST(Corrections, MaskWhatLiesOutsideTheBand) {
  expect_near(weights(with("none", 2, "token", 2, 0.5)), {0, 0, 1});    // MIS
  expect_near(weights(with("token", 5, "token", 5, 0.5)), {3, 0, 1});   // IcePop
  expect_near(weights(with("none", 2, "token", 2)), {0, 0, 1});         // below 1/2
  expect_near(weights(with("none", 2, "sequence", 2)), {1, 1, 1});      // 3/4
  expect_near(weights(with("none", 2, "sequence", 1.2)), {0, 0, 0});    // below 1/1.2
  expect_near(weights(with("none", 2, "geometric", 1.2)), {1, 1, 1});   // 0.909 > 0.833
  expect_near(weights(with("none", 2, "geometric", 1.05)), {0, 0, 0});  // 0.909 < 0.952
}

TEST(Corrections, CountWhatTheyDid) {
  CorrectionStats stats;
  weights(with("token", 2, "token", 10, 0.5), &stats);
  EXPECT_EQ(stats.n_tokens, 3);
  EXPECT_EQ(stats.n_masked, 1);
  EXPECT_NEAR(stats.max_difference, std::log(4), 1e-6);
  EXPECT_NEAR(stats.difference, std::log(12), 1e-6);
  EXPECT_NEAR(stats.k3, (3 - std::log(3) - 1) + (0.25 + std::log(4) - 1), 1e-5);
  EXPECT_EQ(stats.least, 0);
  EXPECT_EQ(stats.most, 2);
}

TEST(Corrections, AreExactlyOneBetweenEqualWeights) {
  CorrectionStats stats;
  const Floats logp{-0.1f, -7.3f};
  for (const char* is : {"token", "sequence"}) {
    for (const char* rs : {"none", "token", "sequence", "geometric"}) {
      EXPECT_EQ(correction_weights(with(is, 2, rs), logp, logp, stats), (Floats{1, 1}));
    }
  }
  EXPECT_EQ(stats.max_difference, 0);
}

TEST(Corrections, StayFiniteAndRefuseNonsense) {
  CorrectionStats stats;
  const Floats far{-1e30f}, near{0};
  for (float w : correction_weights(with("sequence", 1e30), far, near, stats)) {
    EXPECT_TRUE(std::isfinite(w));
  }
  EXPECT_TRUE(std::isfinite(stats.k3));
  EXPECT_FALSE(with("turn", 2).validate());
  EXPECT_FALSE(with("token", 2, "turn").validate());
  EXPECT_FALSE(with("token", 0).validate());
  EXPECT_FALSE(with("token", 2, "token", 0.5).validate());  // 1/0.5 is above it
  EXPECT_TRUE(with("token", 2, "token", 0.9, 0.5).validate());
}

}  // namespace
}  // namespace r1
