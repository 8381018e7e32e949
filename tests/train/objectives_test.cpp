#include "train/objectives.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace r1 {
namespace {

using Floats = std::vector<float>;

/// One token at a time, so that its loss can be seen.
struct Token {
  float logp, old_logp, reference, entropy, advantage, weight;
};

struct TokenResult {
  double loss;
  float dlogp, dentropy;
  PolicyStats stats;
};

TokenResult loss_of(const GrpoLoss& config, const Token& t) {
  TokenResult r{};
  const std::span<const float> reference =
      config.beta > 0 ? std::span(&t.reference, 1) : std::span<const float>();
  r.stats = grpo_loss(config,
                      {{&t.logp, 1},
                       {&t.entropy, 1},
                       {&t.old_logp, 1},
                       reference,
                       {&t.advantage, 1},
                       {&t.weight, 1}},
                      {&r.dlogp, 1}, {&r.dentropy, 1});
  r.loss = r.stats.loss;
  return r;
}

TEST(Nll, IsTheWeightedMeanWithItsDerivative) {
  const Floats logp{-1.0f, -2.0f, -4.0f}, weight{1.0f, 0.5f, 2.0f};
  Floats dlogp(3);
  EXPECT_DOUBLE_EQ(nll(logp, weight, 4.0, dlogp), (1.0 + 1.0 + 8.0) / 4.0);
  EXPECT_EQ(dlogp, (Floats{-0.25f, -0.125f, -0.5f}));
}

TEST(GroupAdvantages, FollowAnExampleSolvedByHand) {
  const std::vector<double> rewards{1, 0, 0, 1};
  const double std = std::sqrt(1.0 / 3.0);  // of the sample: 4 × 0.25 / 3
  const auto group = group_advantages(rewards, ScaleRewards::kGroup, 0);
  for (int i = 0; i < 4; ++i) EXPECT_DOUBLE_EQ(group[i], (rewards[i] - 0.5) / (std + 1e-4));
  EXPECT_EQ(group_advantages(rewards, ScaleRewards::kNone, 0),
            (std::vector<double>{0.5, -0.5, -0.5, 0.5}));
  EXPECT_DOUBLE_EQ(group_advantages(rewards, ScaleRewards::kBatch, 2.0)[1], -0.5 / 2.0001);
  EXPECT_DOUBLE_EQ(sample_std(rewards), std);
}

TEST(GroupAdvantages, AreZeroWithoutVariance) {
  for (const auto mode : {ScaleRewards::kGroup, ScaleRewards::kNone, ScaleRewards::kBatch}) {
    EXPECT_EQ(group_advantages(std::vector<double>{1.5, 1.5, 1.5}, mode, 0),
              (std::vector<double>{0, 0, 0}));
    EXPECT_EQ(group_advantages(std::vector<double>{0.25}, mode, 0), (std::vector<double>{0}));
  }
  EXPECT_EQ(sample_std(std::vector<double>{7}), 0);
}

TEST(TokenWeights, AddUpAsEachAggregationSays) {
  const std::vector<int64_t> lengths{2, 8, 5};
  const auto loss = [&](Aggregation mode) {  // sequence i's tokens all have loss i + 1
    const auto w = token_weights(mode, lengths, 10);
    double sum = 0;
    for (size_t i = 0; i < 3; ++i)
      sum += w[i] * static_cast<double>(lengths[i]) * static_cast<double>(i + 1);
    return sum;
  };
  EXPECT_DOUBLE_EQ(loss(Aggregation::kSequenceMean), (1 + 2 + 3) / 3.0);
  EXPECT_DOUBLE_EQ(loss(Aggregation::kTokenMean), (2 * 1 + 8 * 2 + 5 * 3) / 15.0);
  EXPECT_DOUBLE_EQ(loss(Aggregation::kSequenceSum), (2 * 1 + 8 * 2 + 5 * 3) / 3.0);
  EXPECT_DOUBLE_EQ(loss(Aggregation::kConstant), (2 * 1 + 8 * 2 + 5 * 3) / 30.0);
}

TEST(Objectives, KnowTheirNames) {
  EXPECT_EQ(*parse_aggregation("grpo"), Aggregation::kSequenceMean);
  EXPECT_EQ(*parse_aggregation("dapo"), Aggregation::kTokenMean);
  EXPECT_EQ(*parse_aggregation("reinforce"), Aggregation::kSequenceSum);
  EXPECT_EQ(*parse_aggregation("dr_grpo"), Aggregation::kConstant);
  EXPECT_EQ(parse_aggregation("ppo").error().message,
            "unknown loss_type 'ppo'; known: grpo, dapo, reinforce, dr_grpo");
  EXPECT_EQ(*parse_scale_rewards("batch"), ScaleRewards::kBatch);
  EXPECT_EQ(parse_scale_rewards("std").error().message,
            "unknown scale_rewards 'std'; known: group, none, batch");
}

TEST(GrpoLoss, ClipsOnlyWhereTheRatioHasMovedFarEnoughTheGoodWay) {
  const GrpoLoss config{.clip_low = 0.2f, .clip_high = 0.28f};
  const auto at = [&](float ratio, float advantage) {
    return loss_of(config, {std::log(ratio) - 1.0f, -1.0f, 0, 0, advantage, 0.5f});
  };
  const struct {
    float ratio, advantage, loss, dlogp;
    int low, high;
  } cases[] = {
      {1.5f, 2.0f, -0.5f * 2.0f * 1.28f, 0.0f, 0, 1},  // up enough: clipped
      {1.2f, 2.0f, -0.5f * 2.0f * 1.2f, -0.5f * 2.0f * 1.2f, 0, 0},
      {0.5f, 2.0f, -0.5f * 2.0f * 0.5f, -0.5f * 2.0f * 0.5f, 0, 0},  // wrong way: never clipped
      {0.5f, -2.0f, 0.5f * 2.0f * 0.8f, 0.0f, 1, 0},                 // down enough: clipped
      {0.9f, -2.0f, 0.5f * 2.0f * 0.9f, 0.5f * 2.0f * 0.9f, 0, 0},
      {1.5f, -2.0f, 0.5f * 2.0f * 1.5f, 0.5f * 2.0f * 1.5f, 0, 0},  // wrong way: never clipped
      {1.5f, 0.0f, 0.0f, 0.0f, 0, 0},
  };
  for (const auto& c : cases) {
    const TokenResult r = at(c.ratio, c.advantage);
    EXPECT_NEAR(r.loss, c.loss, 1e-6) << c.ratio << " " << c.advantage;
    EXPECT_NEAR(r.dlogp, c.dlogp, 1e-6) << c.ratio << " " << c.advantage;
    EXPECT_EQ(r.stats.n_clipped_low, c.low);
    EXPECT_EQ(r.stats.n_clipped_high, c.high);
  }
}

TEST(GrpoLoss, TheRatioOfEqualLogpIsExactlyOne) {
  for (float logp : {-0.0f, -1e-7f, -0.3f, -17.25f, -100.0f}) {
    const PolicyStats s = loss_of({}, {logp, logp, 0, 0, 1.0f, 1.0f}).stats;
    EXPECT_EQ(s.ratio_min, 1.0);
    EXPECT_EQ(s.ratio_max, 1.0);
    EXPECT_EQ(s.max_logp_difference, 0.0);
    EXPECT_EQ(s.loss, -1.0);
  }
}

TEST(GrpoLoss, TheKlTermIsK3) {
  const GrpoLoss config{.beta = 0.5f};
  const TokenResult same = loss_of(config, {-2.0f, -2.0f, -2.0f, 0, 0.0f, 1.0f});
  EXPECT_EQ(same.stats.kl, 0.0);
  EXPECT_EQ(same.dlogp, 0.0f);
  const TokenResult r = loss_of(config, {-2.0f, -2.0f, -1.0f, 0, 0.0f, 0.25f});  // rho = e
  EXPECT_NEAR(r.stats.kl, std::exp(1.0) - 2.0, 1e-6);
  EXPECT_NEAR(r.loss, 0.25 * 0.5 * (std::exp(1.0) - 2.0), 1e-6);
  EXPECT_NEAR(r.dlogp, 0.25 * 0.5 * (1.0 - std::exp(1.0)), 1e-6);
}

TEST(GrpoLoss, DerivativesEqualCentralDifferencesInDouble) {
  const GrpoLoss config{.clip_low = 0.2f, .clip_high = 0.3f, .beta = 0.7f, .entropy_coef = 0.05f};
  for (float advantage : {1.3f, -0.6f}) {
    for (float moved : {-0.5f, -0.1f, 0.0f, 0.1f, 0.5f}) {
      const Token t{-1.2f + moved, -1.2f, -1.5f, 0.9f, advantage, 0.4f};
      const auto loss = [&](double logp, double entropy) {
        const double ratio = std::exp(logp - t.old_logp), clipped = std::clamp(ratio, 0.8, 1.3);
        const double log_rho = t.reference - logp, k3 = std::exp(log_rho) - log_rho - 1;
        return t.weight *
               (-std::min(ratio * advantage, clipped * advantage) + 0.7 * k3 - 0.05 * entropy);
      };
      const TokenResult r = loss_of(config, t);
      const double h = 1e-6;
      EXPECT_NEAR(r.loss, loss(t.logp, t.entropy), 1e-6);
      EXPECT_NEAR(r.dlogp, (loss(t.logp + h, t.entropy) - loss(t.logp - h, t.entropy)) / (2 * h),
                  1e-5);
      EXPECT_NEAR(r.dentropy, (loss(t.logp, t.entropy + h) - loss(t.logp, t.entropy - h)) / (2 * h),
                  1e-6);
    }
  }
}

TEST(GrpoLoss, IsFiniteHoweverFarThePolicyMoved) {
  for (float logp : {-1e30f, -500.0f, 0.0f}) {
    for (float old_logp : {-1e30f, -500.0f, 0.0f}) {
      const TokenResult r = loss_of({.beta = 1.0f}, {logp, old_logp, old_logp, 0, -1.0f, 1.0f});
      EXPECT_TRUE(std::isfinite(r.loss) && std::isfinite(r.dlogp)) << logp << " " << old_logp;
    }
  }
}

TEST(PolicyStats, AddUpOverMicroBatches) {
  PolicyStats sum;
  sum.add(loss_of({}, {-1.0f, -1.5f, 0, 0.5f, 1.0f, 1.0f}).stats);
  sum.add(loss_of({}, {-2.0f, -1.0f, 0, 0.25f, -1.0f, 1.0f}).stats);
  EXPECT_EQ(sum.n_tokens, 2);
  EXPECT_NEAR(sum.ratio_min, std::exp(-1.0), 1e-6);
  EXPECT_NEAR(sum.ratio_max, std::exp(0.5), 1e-6);
  EXPECT_NEAR(sum.max_logp_difference, 1.0, 1e-6);
  EXPECT_NEAR(sum.entropy, 0.75, 1e-6);
  EXPECT_EQ(sum.n_clipped_low, 1);
  EXPECT_EQ(sum.n_clipped_high, 1);
}

}  // namespace
}  // namespace r1
