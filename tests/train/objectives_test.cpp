#include "train/objectives.h"

#include <gtest/gtest.h>

namespace r1 {
namespace {

using Floats = std::vector<float>;

TEST(Nll, IsTheWeightedMeanWithItsDerivative) {
  const Floats logp{-1.0f, -2.0f, -4.0f}, weight{1.0f, 0.5f, 2.0f};
  Floats dlogp(3);
  EXPECT_DOUBLE_EQ(nll(logp, weight, 4.0, dlogp), (1.0 + 1.0 + 8.0) / 4.0);
  EXPECT_EQ(dlogp, (Floats{-0.25f, -0.125f, -0.5f}));
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

TEST(Objectives, KnowTheNamesOfBothCamps) {
  EXPECT_EQ(*parse_aggregation("grpo"), Aggregation::kSequenceMean);
  EXPECT_EQ(*parse_aggregation("dapo"), Aggregation::kTokenMean);
  EXPECT_EQ(*parse_aggregation("reinforce"), Aggregation::kSequenceSum);
  EXPECT_EQ(*parse_aggregation("dr_grpo"), Aggregation::kConstant);
  EXPECT_EQ(*parse_aggregation("seq-mean-token-mean"), Aggregation::kSequenceMean);
  EXPECT_EQ(*parse_aggregation("token-mean"), Aggregation::kTokenMean);
  EXPECT_EQ(*parse_aggregation("seq-mean-token-sum"), Aggregation::kSequenceSum);
  EXPECT_EQ(*parse_aggregation("seq-mean-token-sum-norm"), Aggregation::kConstant);
  EXPECT_EQ(parse_aggregation("ppo").error().message,
            "unknown loss_type 'ppo'; known: grpo, dapo, reinforce, dr_grpo");
  EXPECT_EQ(parse_aggregation("cispo").error().message,
            "loss_type cispo: write policy_loss cispo, or preset cispo");
}

}  // namespace
}  // namespace r1
