// Rate and batch by tokens, against the numbers that DeepSeek-V3 published.
#include "train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "train/run.h"

namespace r1 {
namespace {

constexpr int64_t kT = 1'000'000'000'000;

/// DeepSeek-V3, section 4.2.
TrainingArguments v3_arguments(const TokenPlan& plan) {
  TrainingArguments args;
  args.learning_rate = 2.2e-4;
  args.lr_scheduler_type = "deepseek_v3";
  args.warmup_steps = 2000;
  args.max_steps = plan.n_steps();
  return args;
}

Result<TokenPlan> v3_plan() {
  return TokenPlan::make({3072 * 4096, 469'000'000'000, 14'800'000'000'000}, 15360 * 4096, 1);
}

/// First step that begins with at least so many tokens behind it.
int64_t step_at(const TokenPlan& plan, int64_t tokens) {
  int64_t low = 0, high = plan.n_steps();
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    plan.before(middle) < tokens ? low = middle + 1 : high = middle;
  }
  return low;
}

TEST(Schedule, DeepseekV3HasThePublishedRatesAtThePublishedTokens) {
  const auto plan = v3_plan();
  ASSERT_TRUE(plan) << plan.error().message;
  const TrainingArguments args = v3_arguments(*plan);
  const auto rate = [&](double tokens) {
    return *scheduled_rate(args, step_at(*plan, static_cast<int64_t>(tokens)), *plan);
  };
  EXPECT_DOUBLE_EQ(*scheduled_rate(args, 0, *plan), 2.2e-4 / 2000);
  EXPECT_DOUBLE_EQ(*scheduled_rate(args, 999, *plan), 1.1e-4);
  EXPECT_DOUBLE_EQ(*scheduled_rate(args, 1999, *plan), 2.2e-4);
  EXPECT_DOUBLE_EQ(rate(1.0 * kT), 2.2e-4);
  EXPECT_DOUBLE_EQ(rate(9.999 * kT), 2.2e-4);
  EXPECT_NEAR(rate(10.001 * kT), 2.2e-4, 1e-9);
  EXPECT_NEAR(rate(12.15 * kT), (2.2e-4 + 2.2e-5) / 2, 1e-8);  // half of the cosine
  EXPECT_NEAR(rate(14.299 * kT), 2.2e-5, 1e-9);
  EXPECT_NEAR(rate(14.301 * kT), 2.2e-5, 1e-18);
  EXPECT_NEAR(rate(14.632 * kT), 2.2e-5, 1e-18);
  EXPECT_NEAR(rate(14.634 * kT), 7.3e-6, 1e-18);
  EXPECT_NEAR(rate(14.799 * kT), 7.3e-6, 1e-18);
}

TEST(Schedule, BatchGrowsLinearlyInTokensAsDeepseekV3s) {
  const auto plan = v3_plan();
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->at(0), 3072 * 4096);
  EXPECT_EQ(plan->at(1'000'000), 62'914'560);
  const int64_t half = step_at(*plan, 469'000'000'000 / 2);
  EXPECT_NEAR(static_cast<double>(plan->at(half)), (3072 + 15360) / 2 * 4096.0, 6000.0);
  // dT / db = R / (b1 - b0), so that the ramp has R / (b1 - b0) · ln(b1 / b0) steps
  const double steps = 469e9 / (12288 * 4096.0) * std::log(5.0);
  EXPECT_NEAR(static_cast<double>(step_at(*plan, 469'000'000'000)), steps, 2.0);
  EXPECT_GE(plan->before(plan->n_steps()), plan->total());
  EXPECT_LT(plan->before(plan->n_steps() - 1), plan->total());
}

TEST(Schedule, ShareDoneCountsTokensNotSteps) {
  const auto plan = TokenPlan::make({100, 1000, 0}, 300, 10);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->at(0), 100);
  EXPECT_EQ(plan->at(9), 300);
  int64_t sum = 0;
  for (int64_t step = 0; step < 10; ++step) {
    EXPECT_EQ(plan->before(step), sum);
    EXPECT_DOUBLE_EQ(plan->done(step), static_cast<double>(sum) / plan->total());
    if (step > 0) {
      EXPECT_GE(plan->at(step), plan->at(step - 1));
    }
    sum += plan->at(step);
  }
  EXPECT_EQ(plan->total(), sum);
  EXPECT_LT(plan->done(5), 0.5);  // half of the steps, less than half of the tokens
}

TEST(Schedule, TokensDecideTheStepsWhenTheyAreGiven) {
  EXPECT_EQ(TokenPlan::make({0, 0, 1000}, 300, 77)->n_steps(), 4);
  EXPECT_EQ(TokenPlan::make({0, 0, 900}, 300, 77)->n_steps(), 3);
  EXPECT_EQ(TokenPlan::make({0, 0, 0}, 300, 77)->n_steps(), 77);
  EXPECT_EQ(TokenPlan::make({100, 1000, 100}, 300, 77)->n_steps(), 1);
  EXPECT_EQ(TokenPlan::make({100, 1000, 101}, 300, 77)->n_steps(), 2);
}

TEST(Schedule, ConstantBatchesGiveTheRatesOfSteps) {
  TrainingArguments args;
  args.warmup_steps = 3;
  args.max_steps = 97;
  args.min_lr_ratio = 0.02;
  for (const char* type : {"constant", "linear", "cosine", "warmup_stable_decay", "deepseek_v3"}) {
    args.lr_scheduler_type = type;
    for (int64_t step = 0; step < 97; ++step) {
      EXPECT_EQ(*scheduled_rate(args, step), *scheduled_rate(args, step, TokenPlan(1000, 97)));
    }
  }
}

TEST(Schedule, WarmupStableDecayHoldsThenFallsToTheEnd) {
  const RateShape shape{.lr_hold_share = 0.8};
  const auto at = [&](double done) {
    return *rate_share("warmup_stable_decay", done, done, 0.1, shape);
  };
  EXPECT_EQ(at(0.3), 1.0);
  EXPECT_EQ(at(0.8), 1.0);
  EXPECT_NEAR(at(0.9), 0.55, 1e-12);
  EXPECT_NEAR(at(1.0), 0.1, 1e-12);
}

TEST(Schedule, RefusesWhatMakesNoSense) {
  const auto error = [](Result<TokenPlan> plan) { return plan ? "" : plan.error().message; };
  EXPECT_NE(error(TokenPlan::make({100, 0, 0}, 300, 1)).find("batch_ramp_tokens"),
            std::string::npos);
  EXPECT_NE(error(TokenPlan::make({1, 1LL << 50, 0}, 300, 1)).find("steps"), std::string::npos);
  EXPECT_NE(error(TokenPlan::make({0, 0, 1LL << 60}, 300, 1)).find("the most are"),
            std::string::npos);
  EXPECT_NE(error(TokenPlan::make({0, 0, -1}, 300, 1)).find("train_tokens"), std::string::npos);
  EXPECT_NE(error(TokenPlan::make({}, 0, 1)).find("tokens_per_step"), std::string::npos);
  EXPECT_NE(error(TokenPlan::make({}, 1, -3)).find("max_steps"), std::string::npos);
  EXPECT_NE(error(TokenPlan::make({}, 1 << 30, 1LL << 40)).find("the most are"), std::string::npos);
  EXPECT_EQ(TokenPlan(10, 5).before(-7), 0);
  const auto unknown = rate_share("polynomial", 0, 0, 0, {});
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("deepseek_v3"), std::string::npos);
  EXPECT_FALSE(rate_share("deepseek_v3", 0, 0, 0, {.lr_hold_share = 0.99}));
}

}  // namespace
}  // namespace r1
