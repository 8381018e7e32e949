#include "train/advantages.h"

#include <gtest/gtest.h>

#include <cmath>

namespace r1 {
namespace {

using Doubles = std::vector<double>;
using Floats = std::vector<float>;

TEST(GroupAdvantages, FollowAnExampleSolvedByHand) {
  const Doubles rewards{1, 0, 0, 1};
  const double std = std::sqrt(1.0 / 3.0);  // of the sample: 4 × 0.25 / 3
  const auto group = group_advantages(rewards, ScaleRewards::kGroup, 0);
  for (int i = 0; i < 4; ++i) EXPECT_DOUBLE_EQ(group[i], (rewards[i] - 0.5) / (std + 1e-4));
  EXPECT_EQ(group_advantages(rewards, ScaleRewards::kNone, 0), (Doubles{0.5, -0.5, -0.5, 0.5}));
  EXPECT_DOUBLE_EQ(group_advantages(rewards, ScaleRewards::kBatch, 2.0)[1], -0.5 / 2.0001);
  EXPECT_DOUBLE_EQ(sample_std(rewards), std);
}

TEST(GroupAdvantages, AreZeroWithoutVariance) {
  for (const auto mode : {ScaleRewards::kGroup, ScaleRewards::kNone, ScaleRewards::kBatch}) {
    EXPECT_EQ(group_advantages(Doubles{1.5, 1.5, 1.5}, mode, 0), (Doubles{0, 0, 0}));
    EXPECT_EQ(group_advantages(Doubles{0.25}, mode, 0), (Doubles{0}));
  }
  EXPECT_EQ(sample_std(Doubles{7}), 0);
}

TEST(RlooAdvantages, AreTheDistanceToTheMeanOfTheOthers) {
  // 1 - (0 + 2) / 2, 0 - (1 + 2) / 2, 2 - (1 + 0) / 2
  EXPECT_EQ(rloo_advantages(Doubles{1, 0, 2}), (Doubles{0, -1.5, 1.5}));
  const Doubles rewards{0.3, 1.0, -0.7, 0.1, 0.9};
  const auto all = rloo_advantages(rewards);
  double sum = 0;
  for (double r : rewards) sum += r;
  for (size_t i = 0; i < 5; ++i) EXPECT_NEAR(all[i], rewards[i] - (sum - rewards[i]) / 4, 1e-12);
  EXPECT_EQ(rloo_advantages(Doubles{5}), (Doubles{0}));  // nothing to compare with
  EXPECT_EQ(rloo_advantages(Doubles{2, 2}), (Doubles{0, 0}));
}

TEST(ReturnsToGo, AddTheRewardAtTheEndAndThePenaltiesFromEachTokenOn) {
  EXPECT_EQ(returns_to_go(1.0, Doubles{0, 0, 0}), (Floats{1, 1, 1}));
  // r = -0.5, 0.25, 1 - 0.25
  EXPECT_EQ(returns_to_go(1.0, Doubles{0.5, -0.25, 0.25}), (Floats{0.5f, 1.0f, 0.75f}));
}

TEST(LogRatios, AreTheDifferencesOfLogProbabilities) {
  EXPECT_EQ(log_ratios(Floats{-1, -2}, Floats{-1.5f, -0.5f}), (Doubles{0.5, -1.5}));
}

TEST(Whiten, GivesAllTokensOfTheBatchMeanZeroAndDeviationOne) {
  Floats a{1, 1, 1}, b{-1};  // a long answer counts by its tokens: mean 0.5, var 4 · 0.75 / 3 = 1
  std::vector<Floats*> both{&a, &b};
  whiten(both);
  for (float x : a) EXPECT_NEAR(x, 0.5, 1e-6);
  EXPECT_NEAR(b[0], -1.5, 1e-6);
  Floats equal{2, 2};
  std::vector<Floats*> one{&equal};
  whiten(one);
  EXPECT_EQ(equal, (Floats{0, 0}));
  whiten(std::vector<Floats*>{});
}

TEST(Advantages, KnowTheirNames) {
  EXPECT_EQ(*parse_advantage_estimator("rloo"), AdvantageEstimator::kRloo);
  EXPECT_EQ(*parse_advantage_estimator("reinforce_plus_plus"),
            AdvantageEstimator::kReinforcePlusPlus);
  EXPECT_EQ(parse_advantage_estimator("gae").error().message,
            "unknown advantage_estimator 'gae'; known: grpo, rloo, reinforce_plus_plus, "
            "reinforce_plus_plus_baseline");
  EXPECT_EQ(*parse_scale_rewards("batch"), ScaleRewards::kBatch);
  EXPECT_EQ(parse_scale_rewards("std").error().message,
            "unknown scale_rewards 'std'; known: group, none, batch");
}

}  // namespace
}  // namespace r1
