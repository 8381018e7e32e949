// Majorities of subsets, votes of equal value, estimates.
#include <gtest/gtest.h>

#include "eval/metrics.h"
#include "eval/votes.h"

namespace r1 {
namespace {

std::vector<SampleResult> answers(const std::vector<std::string>& texts, const std::string& truth) {
  std::vector<SampleResult> samples;
  for (const std::string& text : texts)
    samples.push_back({.correct = text == truth, .answer = text});
  return samples;
}

TEST(Resampling, OneVoteIsTheShareOfRightAnswers) {
  const auto samples = answers({"1", "2", "1", "3"}, "1");
  EXPECT_NEAR(majority_of_subsets(samples, 1, 0, 0, 4000), 0.5, 0.03);
}

TEST(Resampling, AllVotesAreTheMajorityOnce) {
  const auto samples = answers({"2", "1", "1"}, "1");
  EXPECT_EQ(majority_of_subsets(samples, 3, 0, 0), 1.0);
  EXPECT_EQ(majority_of_subsets(answers({"2", "1", "2"}, "1"), 3, 0, 0), 0.0);
}

/// Of {1, 1, 2} two are drawn: {1, 1} elects 1; {1, 2} in either order the first.
TEST(Resampling, SubsetsOfTwoByHand) {
  const auto samples = answers({"1", "1", "2"}, "1");
  EXPECT_NEAR(majority_of_subsets(samples, 2, 5, 0, 9000), 1.0 / 3 + 2.0 / 3 * 0.5, 0.02);
}

TEST(Resampling, DependsOnSeedAndStreamAlone) {
  const auto samples = answers({"1", "2", "1", "3", "2", "1"}, "1");
  EXPECT_EQ(majority_of_subsets(samples, 3, 1, 2), majority_of_subsets(samples, 3, 1, 2));
  EXPECT_NE(majority_of_subsets(samples, 3, 1, 2, 501), majority_of_subsets(samples, 3, 1, 3, 501));
}

TEST(Resampling, TiesByLot) {
  EXPECT_DOUBLE_EQ(expected_majority(answers({"1", "2"}, "1")), 0.5);
  EXPECT_DOUBLE_EQ(expected_majority(answers({"1", "2", "3", "1", "3"}, "1")), 0.5);
  EXPECT_DOUBLE_EQ(expected_majority(answers({"", ""}, "1")), 0);
}

TEST(Summary, HasEveryKWithItsError) {
  const EvalSummary s =
      summarize({answers({"1", "1", "2", "1"}, "1"), answers({"3", "4", "3", "5"}, "5")});
  EXPECT_EQ(s.cons_at.size(), 3u);  // 1, 2, 4
  EXPECT_DOUBLE_EQ(s.cons_at.at(4).mean, s.cons_at_k);
  EXPECT_DOUBLE_EQ(s.pass_at.at(4).mean, 1);
  EXPECT_DOUBLE_EQ(s.pass_at.at(1).mean, s.pass_at_1);
  EXPECT_EQ(s.accuracy, (std::vector<double>{0.75, 0.25}));
  EXPECT_GT(s.cons_at.at(1).error, 0);
}

TEST(Summary, WithoutAnswersNobodyVotes) {
  const EvalSummary s = summarize({answers({"", ""}, "1")});
  EXPECT_TRUE(s.cons_at.empty());
  EXPECT_EQ(s.cons_at_k, 0);
}

TEST(Votes, EachJudgeReadsItsOwnForm) {
  EXPECT_EQ(vote_of("accuracy_strict", "<answer> 7 </answer>"), "7");
  EXPECT_EQ(vote_of("accuracy_strict", "the answer is 7"), "");
  EXPECT_EQ(vote_of("math_answer", "so \\boxed{\\frac{1}{2}}"), "\\frac{1}{2}");
  EXPECT_EQ(vote_of("choice", "It must be \\boxed{B}."), "B");
  EXPECT_EQ(vote_of("choice", "<think>A or B</think>\n\n(b)"), "B");
  EXPECT_EQ(vote_of("code", "def f(): return 1"), "");
}

TEST(Votes, EqualValuesVoteTogether) {
  std::vector<std::string> texts = {"\\frac{1}{2}", "x+1", "0.5", "1+x", "", "3"};
  std::vector<std::string*> places;
  for (std::string& text : texts) places.push_back(&text);
  unite_votes("math_answer", places);
  EXPECT_EQ(texts[2], texts[0]);
  EXPECT_EQ(texts[3], texts[1]);
  EXPECT_EQ(texts[4], "");
  EXPECT_EQ(texts[5], "3");
}

}  // namespace
}  // namespace r1
