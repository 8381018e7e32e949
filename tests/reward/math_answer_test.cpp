#include "reward/math_answer.h"

#include <gtest/gtest.h>

#include "reward/registry.h"

namespace r1 {
namespace {

Score judge(const std::string& text, const std::string& answer, RewardOptions options = {}) {
  const auto rewards = make_rewards({"math_answer"}, {}, options);
  EXPECT_TRUE(rewards.has_value());
  Problem problem;
  problem.answer = answer;
  return rewards->score(problem, {.text = text, .finished = true});
}

TEST(MathAnswer, PaysForTheValueNotTheLetters) {
  EXPECT_EQ(judge("<think>x</think>\\boxed{\\frac{1}{2}}", "0.5").value, 1);
  EXPECT_EQ(judge("<think>x</think>The answer is 1/2.", "\\frac12").value, 1);
  EXPECT_EQ(judge("<think>x</think>The answer is 1/3.", "\\frac12").value, 0);
  EXPECT_EQ(judge("<think>\\boxed{0.5}</think>I give up", "0.5").value, 0);
  EXPECT_FALSE(judge("\\boxed{1}", "").valid);
}

TEST(MathAnswer, StrictTakesOneMarkedAnswerThatIsWorkedOut) {
  const RewardOptions strict = {.strict = true};
  const auto value = [&](const std::string& said) {
    return judge("<think>x</think>" + said, "5", strict).value;
  };
  EXPECT_EQ(value("\\boxed{5}"), 1);
  EXPECT_EQ(value("<answer>5</answer>"), 1);
  EXPECT_EQ(value("The answer is 5."), 0);
  EXPECT_EQ(value("\\boxed{2+3}"), 0);
  EXPECT_EQ(value("\\boxed{5} \\boxed{6}"), 0);
  EXPECT_EQ(value("\\boxed{4, 5, 6}"), 0);
  EXPECT_EQ(value("\\boxed{５}"), 0);
  EXPECT_EQ(value("\\boxed{5} \\boxed{5}"), 0);
}

}  // namespace
}  // namespace r1
