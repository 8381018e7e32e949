#include "reward/answer.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "reward/number.h"

namespace r1 {
namespace {

Problem asks(const std::string& answer) {
  Problem problem;
  problem.answer = answer;
  return problem;
}
double score(std::string_view text, const std::string& answer = "7") {
  return accuracy(asks(answer), {text, true}, {}).value;
}
double strict(std::string_view text, const std::string& answer = "7") {
  return accuracy_strict(asks(answer), {text, true}, {}).value;
}

TEST(ExtractAnswer, ReadsEachFormInItsOrder) {
  EXPECT_EQ(extract_answer("<think> 3 </think> <answer> 7 </answer>"), "7");
  EXPECT_EQ(extract_answer("<think> \\boxed{3} </think> so \\boxed{1} or \\boxed{\\frac{1}{2}}."),
            "\\frac{1}{2}");
  EXPECT_EQ(extract_answer("48/2 = 24\n#### 72\nthanks"), "72");
  EXPECT_EQ(extract_answer("First, the answer is 3. No: the Answer is: **18**."), "18");
  EXPECT_EQ(extract_answer("The answer is 18 dollars per day."), "18");
  EXPECT_EQ(extract_answer("The answer is\n$\\frac{1}{2}$."), "$\\frac{1}{2}$");
  EXPECT_EQ(extract_answer("The answer is x^2 + y"), "x^2 + y");
  EXPECT_EQ(extract_answer("He pays 3 and then 1,250.50 in all."), "1,250.50");
  EXPECT_EQ(extract_answer("5-3 gives -2"), "-2");
  EXPECT_EQ(extract_answer("5-3"), "3");
  EXPECT_EQ(extract_answer("about 3/4"), "3/4");
  EXPECT_EQ(extract_answer("nothing here"), "");
  EXPECT_EQ(extract_answer(""), "");
}

TEST(ExtractAnswer, EarlierFormsWinOverLater) {
  EXPECT_EQ(extract_answer("\\boxed{1} <answer> 2 </answer> #### 3"), "2");
  EXPECT_EQ(extract_answer("\\boxed{1} #### 3"), "1");
  EXPECT_EQ(extract_answer("<answer> the result is \\boxed{9} </answer>"), "9");
}

TEST(ExtractAnswer, TakesTheLastBoxWhoseBracesBalance) {
  EXPECT_EQ(extract_answer("\\boxed{1} \\boxed{2"), "1");
  EXPECT_EQ(extract_answer("\\boxed{\\boxed{3}}"), "3");
  EXPECT_EQ(extract_answer("\\boxed{\\{1, 2\\}}"), "\\{1, 2\\}");
  EXPECT_EQ(extract_answer("\\boxed{a{b}c}"), "a{b}c");
  EXPECT_EQ(extract_answer("\\boxed{"), "");
  EXPECT_EQ(extract_answer("} \\boxed{4}"), "4");
}

TEST(ExtractAnswer, DoesNotLookIntoTheThought) {
  EXPECT_EQ(extract_answer("<think> the answer is 7"), "");
  EXPECT_EQ(extract_answer("<think> \\boxed{7} </think> I do not know"), "");
  EXPECT_EQ(extract_answer("prefilled 7 </think> 8"), "8");
}

TEST(ExtractAnswer, RefusesDoubledReversedOrOpenAnswerTags) {
  for (const char* text :
       {"<answer> 7 </answer> <answer> 7 </answer>", "<answer> <answer> 7 </answer> </answer>",
        "</answer> 7 <answer>", "<answer> 7", "7 </answer>", "<answer> 7 <answer>",
        "<answer> </answer>", "<answer> 3 </answer> 7 </answer>"}) {
    EXPECT_EQ(extract_answer(text), "") << text;
    EXPECT_EQ(extract_answer_strict(text), "") << text;
  }
}

TEST(ExtractAnswer, IsLinearOnHostileText) {
  std::string boxes, numbers, tags;
  for (int i = 0; i < 100000; ++i) {
    boxes += "\\boxed{";
    numbers += "0";
    tags += "<answer>";
  }
  Timer timer;
  EXPECT_EQ(extract_answer(boxes), "");
  EXPECT_EQ(extract_answer(tags), "");
  EXPECT_EQ(answers_equal("0." + numbers, "0"), true);
  EXPECT_EQ(answers_equal("1" + numbers, "0"), false);
  EXPECT_EQ(extract_answer("answer is " + numbers), numbers);
  EXPECT_LT(timer.seconds(), 2.0);
}

TEST(Accuracy, PaysForTheRightNumberInAnyNotation) {
  EXPECT_EQ(score("<answer> 7 </answer>"), 1);
  EXPECT_EQ(score("<answer>007.0</answer>"), 1);
  EXPECT_EQ(score("<answer>$7$</answer>"), 1);
  EXPECT_EQ(score("\\boxed{1{,}000}", "1000"), 0);
  EXPECT_EQ(score("\\boxed{1,000}", "1000"), 1);
  EXPECT_EQ(score("\\boxed{\\frac{63}{400}}", "\\frac{63}{400}"), 1);
  EXPECT_EQ(score("\\boxed{0.1575}", "\\frac{63}{400}"), 1);
  EXPECT_EQ(score("\\boxed{3}", "6"), 0);
  EXPECT_EQ(score("\\boxed{\\sqrt{2}}", "so we get $\\boxed{\\sqrt{2}}$."), 1);
  EXPECT_EQ(score("#### 72", "48/2 = 24\n#### 72"), 1);
}

TEST(Accuracy, PaysNothingForAnswersThatHedge) {
  for (const char* text :
       {"<answer> 7 8 </answer>", "<answer> 7, 8 </answer>", "<answer> 7 or 8 </answer>",
        "<answer> 7 </answer> <answer> 8 </answer>", "<answer> 8 </answer> <answer> 7 </answer>",
        "<answer> <answer> 7 </answer> </answer>", "<answer> <think> 7 </think> </answer>",
        "<answer> 1 2 3 4 5 6 7 </answer>", "<answer> 7 / 1 / 1 </answer>",
        "<answer> \\boxed{7, 8} </answer>", "\\boxed{6 \\text{ or } 7}", "The answer is 7 or 8",
        "<answer> seven </answer>", "<answer> 7a </answer>", "<answer> = 7 </answer>",
        "<answer> 7 + 0 </answer>"}) {
    EXPECT_EQ(score(text), 0) << text;
    EXPECT_EQ(strict(text), 0) << text;
  }
}

TEST(Accuracy, PaysNothingForDigitsThatOnlyLookRight) {
  for (const char* text :
       {"<answer> \uFF17 </answer>", "<answer> \u0667 </answer>", "<answer> \u2077 </answer>",
        "<answer> 7\u200B </answer>", "<answer> \u2466 </answer>", "\\boxed{\uFF17}"}) {
    EXPECT_EQ(score(text), 0) << text;
    EXPECT_EQ(strict(text), 0) << text;
  }
}

TEST(Accuracy, PaysNothingWhenTruncatedAndCannotJudgeWithoutAReference) {
  const Verdict cut = accuracy(asks("7"), {"<answer> 7 </answer>", false}, {});
  EXPECT_EQ(cut.value, 0);
  EXPECT_EQ(cut.reason, "truncated");
  EXPECT_TRUE(cut.valid);
  EXPECT_FALSE(accuracy(asks(""), {"<answer> 7 </answer>", true}, {}).valid);
  EXPECT_EQ(accuracy(asks("7"), {"<answer> 8 </answer>", true}, {}).reason, "8 is not 7");
}

TEST(AccuracyStrict, PaysOnlyForDigitsInTheOnlyPair) {
  EXPECT_EQ(strict("<think> first a + 4 </think> <answer> 7 </answer>"), 1);
  EXPECT_EQ(strict("so a + 4 = 7 <answer> 7 </answer>"), 1);
  EXPECT_EQ(strict("<answer>7</answer>"), 1);
  EXPECT_EQ(strict("so a + 4 = 7 answer 7"), 0);
  EXPECT_EQ(strict("<think> x </think> 7"), 0);
  EXPECT_EQ(strict("\\boxed{7}"), 0);
  EXPECT_EQ(strict("<answer> 7.0 </answer>"), 0);
  EXPECT_EQ(strict("<answer> -7 </answer>", "-7"), 0);
  EXPECT_EQ(strict("<think> <answer> 8 </answer> </think> <answer> 7 </answer>"), 0);
}

}  // namespace
}  // namespace r1
