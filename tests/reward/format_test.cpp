#include "reward/format.h"

#include <gtest/gtest.h>

namespace r1 {
namespace {

using Format = RewardFunction;
double pays(Format format, std::string_view text, bool finished = true, bool prefilled = false) {
  const double told = format({}, {text, finished}, {prefilled}).value;
  EXPECT_EQ(format({}, {text, finished, prefilled}, {}).value, told);  // seen in the prompt
  return told;
}

TEST(FormatZero, PaysForThoughtAndAnswerInTheirTags) {
  EXPECT_EQ(pays(format_zero, "<think> a + 4 = 2 </think> <answer> 7 </answer>"), 1);
  EXPECT_EQ(pays(format_zero, "\n<think>a</think>\n\n<answer>7</answer>\n"), 1);
  EXPECT_EQ(pays(format_zero, "<think>a < b, x > y</think><answer>\\boxed{7}</answer>"), 1);
}

TEST(FormatZero, PaysNothingForAnythingElse) {
  for (const char* text : {
           "",
           "7",
           "<think> a </think>",
           "<answer> 7 </answer>",
           "<think> a </think> 7",
           "<answer> 7 </answer> <think> a </think>",
           "<think> </think> <answer> 7 </answer>",
           "<think> a </think> <answer> </answer>",
           "<think>\u200B\u00A0\u3000</think> <answer> 7 </answer>",
           "<think> a </think> <answer>\uFEFF</answer>",
           "<think> a </think> so <answer> 7 </answer>",
           "so <think> a </think> <answer> 7 </answer>",
           "<think> a </think> <answer> 7 </answer> so",
           "<think> a </think> <answer> 7 </answer> <eos>",
           "<think> <think> a </think> <answer> 7 </answer>",
           "<think> a </think> </think> <answer> 7 </answer>",
           "<think> a </think> <answer> 7 </answer> <answer> 8 </answer>",
           "<think> a <answer> 7 </answer> </think>",
           "<think> <answer> 7 </answer> </think> <answer> 7 </answer>",
           "<think> a </think> <answer> <think> 7 </answer>",
           "</think> a <think> <answer> 7 </answer>",
           "<think> a <answer> </think> 7 </answer>",
           "<THINK> a </THINK> <answer> 7 </answer>",
           "<think > a </think> <answer> 7 </answer>",
           "<think> a </think> <answer> 7 </answer",
       }) {
    EXPECT_EQ(pays(format_zero, text), 0) << text;
  }
}

TEST(FormatZero, PaysNothingForATruncatedCompletion) {
  EXPECT_EQ(pays(format_zero, "<think> a </think> <answer> 7 </answer>", false), 0);
  EXPECT_EQ(pays(format_r1, "<think> a </think> 7", false), 0);
  EXPECT_EQ(pays(format_open_r1, "<think>\na\n</think>\n<answer>\n7\n</answer>", false), 0);
}

TEST(FormatZero, KnowsAPrefilledThink) {
  EXPECT_EQ(pays(format_zero, " a </think> <answer> 7 </answer>", true, true), 1);
  EXPECT_EQ(pays(format_zero, "<think> a </think> <answer> 7 </answer>", true, true), 0);
  EXPECT_EQ(pays(format_zero, " </think> <answer> 7 </answer>", true, true), 0);
  EXPECT_EQ(pays(format_r1, "\na\n</think>\n\n7", true, true), 1);
}

TEST(FormatR1, PaysForAThoughtAndThenText) {
  EXPECT_EQ(pays(format_r1, "<think>\na\n</think>\n\nThe answer is \\boxed{7}."), 1);
  EXPECT_EQ(pays(format_r1, "<think> a </think> <answer> 7 </answer>"), 1);
  for (const char* text :
       {"7", "<think> a </think>", "<think> a </think> \u200B\n", "<think></think> 7",
        "so <think> a </think> 7", "<think> a </think> 7 </think> 8", "</think> a <think> 7",
        "<think> a <think> b </think> 7"}) {
    EXPECT_EQ(pays(format_r1, text), 0) << text;
  }
}

TEST(FormatOpenR1, PaysForExactLineBreaksOnly) {
  EXPECT_EQ(pays(format_open_r1, "<think>\na\nb\n</think>\n<answer>\n7\n</answer>"), 1);
  for (const char* text : {"<think>a</think>\n<answer>\n7\n</answer>",
                           "<think>\na\n</think>\n\n<answer>\n7\n</answer>",
                           "<think>\na\n</think>\n<answer>7</answer>",
                           "<think>\na\n</think>\n<answer>\n7\n</answer>\n",
                           " <think>\na\n</think>\n<answer>\n7\n</answer>",
                           "<think>\n\n</think>\n<answer>\n7\n</answer>"}) {
    EXPECT_EQ(pays(format_open_r1, text), 0) << text;
  }
}

}  // namespace
}  // namespace r1
