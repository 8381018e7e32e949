#include "eval/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "eval/evaluate.h"

namespace r1 {
namespace {

SampleResult sample(const std::string& answer, bool correct) {
  return {correct, true, false, 10, answer, correct ? 1.0 : 0.0};
}

TEST(PassAtK, AgreesWithCountingByHand) {
  // n = 4, c = 2: of the 6 pairs only one has no right sample.
  EXPECT_DOUBLE_EQ(unbiased_pass_at_k(4, 2, 2), 5.0 / 6.0);
  EXPECT_DOUBLE_EQ(unbiased_pass_at_k(4, 2, 1), 0.5);
  EXPECT_EQ(unbiased_pass_at_k(4, 2, 3), 1.0);
  EXPECT_EQ(unbiased_pass_at_k(4, 0, 4), 0.0);
  EXPECT_EQ(unbiased_pass_at_k(4, 4, 1), 1.0);
  EXPECT_DOUBLE_EQ(unbiased_pass_at_k(5, 1, 3), 1 - 4.0 / 10.0);
}

TEST(PassAtK, DoesNotOverflow) {
  EXPECT_NEAR(unbiased_pass_at_k(100000, 1, 50000), 0.5, 1e-9);
  EXPECT_NEAR(unbiased_pass_at_k(100000, 3000, 1), 0.03, 1e-9);
}

TEST(Majority, CountsEqualNumbersTogether) {
  const std::vector<SampleResult> samples = {sample("8", false), sample("0.5", true),
                                             sample("1/2", true), sample("8", false),
                                             sample(".50", true)};
  EXPECT_TRUE(is_majority_right(samples, 5));
  EXPECT_FALSE(is_majority_right(samples, 4));  // two each: 8 was first
  EXPECT_FALSE(is_majority_right(samples, 1));
  EXPECT_TRUE(is_majority_right(samples, 3));
}

TEST(Majority, EmptyAnswersDoNotVote) {
  EXPECT_TRUE(
      is_majority_right(std::vector{sample("", false), sample("", false), sample("7", true)}, 3));
  EXPECT_FALSE(is_majority_right(std::vector{sample("", false), sample("", false)}, 2));
}

TEST(Majority, FirstOfEqualsWins) {
  EXPECT_TRUE(is_majority_right(std::vector{sample("7", true), sample("8", false)}, 2));
  EXPECT_FALSE(is_majority_right(std::vector{sample("8", false), sample("7", true)}, 2));
}

TEST(StandardError, OfTheMeanByHand) {
  // mean 0.5, squares 4 * 0.25, variance 1/3, over 4 problems
  const std::vector<double> values = {0, 1, 0, 1};
  EXPECT_DOUBLE_EQ(standard_error(values), std::sqrt(1.0 / 12.0));
  EXPECT_EQ(standard_error(std::vector<double>{1}), 0);
}

TEST(Bootstrap, IsKeyedBySeedAndCoversTheMean) {
  std::vector<double> values;
  for (int i = 0; i < 400; ++i) values.push_back(i % 4 == 0);
  const Interval a = bootstrap_mean(values, 1), b = bootstrap_mean(values, 1);
  EXPECT_EQ(a.low, b.low);
  EXPECT_EQ(a.high, b.high);
  const double error = standard_error(values);
  EXPECT_NEAR(a.low, 0.25 - 1.96 * error, 0.006);
  EXPECT_NEAR(a.high, 0.25 + 1.96 * error, 0.006);
  EXPECT_NE(bootstrap_mean(values, 2).low + bootstrap_mean(values, 2).high, a.low + a.high);
  const Interval certain = bootstrap_mean(std::vector<double>{1, 1}, 1);
  EXPECT_EQ(certain.low, 1);
  EXPECT_EQ(certain.high, 1);
}

TEST(Summarize, MatchesASmallEvaluationByHand) {
  std::vector<std::vector<SampleResult>> samples = {
      {sample("7", true), sample("7", true), sample("3", false), sample("", false)},
      {sample("1", false), sample("2", false), sample("5", true), sample("1", false)}};
  samples[0][3] = {false, false, true, 50, "", -1.0};
  const EvalSummary s = summarize(samples);
  EXPECT_EQ(s.n_problems, 2);
  EXPECT_EQ(s.n_samples, 8);
  EXPECT_DOUBLE_EQ(s.pass_at_1, 0.375);
  EXPECT_DOUBLE_EQ(s.pass_at_1_stderr, 0.125);
  EXPECT_EQ(s.cons_k, 4);
  EXPECT_DOUBLE_EQ(s.cons_at_k, 0.5);
  EXPECT_DOUBLE_EQ(s.pass_at_k.at(1), 0.375);
  EXPECT_DOUBLE_EQ(s.pass_at_k.at(2), (5.0 / 6.0 + 0.5) / 2);
  EXPECT_DOUBLE_EQ(s.pass_at_k.at(4), 1.0);
  EXPECT_EQ(s.pass_at_k.size(), 3u);
  EXPECT_DOUBLE_EQ(s.format_rate, 7.0 / 8.0);
  EXPECT_DOUBLE_EQ(s.truncated_rate, 1.0 / 8.0);
  EXPECT_DOUBLE_EQ(s.mean_length, 120.0 / 8.0);
  EXPECT_DOUBLE_EQ(s.mean_reward, 2.0 / 8.0);
  EXPECT_LE(s.pass_at_1_interval.low, s.pass_at_1);
  EXPECT_GE(s.pass_at_1_interval.high, s.pass_at_1);
  // problem by problem, in their order
  EXPECT_EQ(s.accuracy, (std::vector<double>{0.5, 0.25}));
  EXPECT_EQ(s.majority, (std::vector<double>{1, 0}));
  const auto json = nlohmann::json::parse(summary_to_json(s));
  EXPECT_EQ(json["by_problem"].dump(), R"({"cons@4":[1.0,0.0],"pass@1":[0.5,0.25]})");
}

TEST(Summarize, UsesTheSamplesThatEveryProblemHas) {
  const EvalSummary s = summarize({{sample("7", true), sample("7", true), sample("7", true)},
                                   {sample("7", true), sample("8", false)}});
  EXPECT_EQ(s.cons_k, 2);
  EXPECT_EQ(s.pass_at_k.rbegin()->first, 2);
  EXPECT_DOUBLE_EQ(s.pass_at_1, 0.75);  // the mean over problems, not over samples
  EXPECT_EQ(summarize({{sample("7", true), sample("8", false)}}, 0, 1).cons_k, 1);
}

TEST(Summarize, OfNothingIsZero) {
  const EvalSummary s = summarize({});
  EXPECT_EQ(s.n_problems, 0);
  EXPECT_EQ(s.pass_at_1, 0);
}

}  // namespace
}  // namespace r1
