// exact, numeric, choice, regex, and what "strict" means to all of them.
#include <gtest/gtest.h>

#include "base/log.h"
#include "reward/answer.h"
#include "reward/choice.h"
#include "reward/numeric.h"
#include "reward/registry.h"

namespace r1 {
namespace {

Verdict judge(const std::string& reward, const std::string& gold, std::string_view text,
              bool strict = false) {
  const auto rewards = make_rewards({reward}, {}, {false, strict});
  EXPECT_TRUE(rewards) << rewards.error().message;
  Problem problem;
  problem.answer = gold;
  return rewards->specs()[0].reward->score(problem, {text, true});
}
double pays(const std::string& reward, const std::string& gold, std::string_view text,
            bool strict = false) {
  return judge(reward, gold, text, strict).value;
}

TEST(Exact, ComparesTheTextOfTheMarkedAnswer) {
  EXPECT_EQ(pays("exact", "Paris", "<think>so</think> \\boxed{Paris}"), 1);
  EXPECT_EQ(pays("exact", "Paris", "<think>so</think> Paris\n"), 1);
  EXPECT_EQ(pays("exact", "Paris", "\\boxed{paris}"), 0);
  EXPECT_EQ(pays("exact;ignore_case=true", "Paris", "\\boxed{PARIS}"), 1);
  EXPECT_EQ(pays("exact;ignore_space=true", "a b", "\\boxed{ab}"), 1);
  EXPECT_EQ(pays("exact", "1/2", "\\boxed{0.5}"), 0);
  EXPECT_EQ(judge("exact", "7", "\\boxed{8}").extracted, "8");
  EXPECT_FALSE(judge("exact", "", "\\boxed{8}").valid);
}

TEST(Numeric, ComparesNumbersExactlyOrWithinATolerance) {
  EXPECT_EQ(pays("numeric", "1/2", "\\boxed{0.5}"), 1);
  EXPECT_EQ(pays("numeric", "1500", "\\boxed{1.5e3}"), 1);
  EXPECT_EQ(pays("numeric", "0.0015", "\\boxed{1.5e-3}"), 1);
  EXPECT_EQ(pays("numeric", "3.14159", "\\boxed{3.1416}"), 0);
  EXPECT_EQ(pays("numeric;relative=1e-4", "3.14159", "\\boxed{3.1416}"), 1);
  EXPECT_EQ(pays("numeric;absolute=0.1", "3", "\\boxed{3.2}"), 0);
  EXPECT_EQ(pays("numeric", "7", "\\boxed{seven}"), 0);
  EXPECT_FALSE(judge("numeric", "x + 1", "\\boxed{7}").valid);
  EXPECT_FALSE(make_rewards({"numeric;relative=-1"}));
}

TEST(Numeric, ReadsPowersOfTenWithinABound) {
  EXPECT_EQ(parse_scientific("2e3"), parse_number("2000"));
  EXPECT_EQ(parse_scientific("-2.50E+1"), parse_number("-25"));
  EXPECT_EQ(parse_scientific("1.0000000000000000001e0") == parse_number("1"), false);
  EXPECT_EQ(parse_scientific("99999999999999999999999999e2"),
            parse_number("9999999999999999999999999900"));
  for (const char* text : {"1e31", "1e-31", "1e999999999999", "e5", "1e", "1e+", "1e+-2", "", "e"})
    EXPECT_FALSE(parse_scientific(text)) << text;
}

TEST(Choice, ReadsLettersInTheirUsualDress) {
  for (const char* text : {"B", "b", "(B)", "B.", "B)", "**B**", "\\text{B}", "$B$", "[B]",
                           "option B", "B. Paris", "(B) Paris", "B: the second one", "\\text{(B)}"})
    EXPECT_EQ(choice_letters(text), "B") << text;
  EXPECT_EQ(choice_letters("A, C"), "AC");
  EXPECT_EQ(choice_letters("(C) and (A)"), "AC");
  for (const char* text : {"", "1", "Paris", "AB", "B or C", "not B", "B. one C. two", "()", "(("})
    EXPECT_EQ(choice_letters(text), "") << text;
}

TEST(Choice, PaysForTheReferenceLettersOnly) {
  EXPECT_EQ(pays("choice", "B", "<think>so</think> The answer is (B)."), 1);
  EXPECT_EQ(pays("choice", "B", "<think>so</think>\nB"), 1);
  EXPECT_EQ(pays("choice", "(B)", "\\boxed{\\text{B}}"), 1);
  EXPECT_EQ(pays("choice", "B", "\\boxed{A, B, C, D}"), 0);
  EXPECT_EQ(pays("choice", "A, C", "\\boxed{C, A}"), 1);
  EXPECT_EQ(pays("choice", "A, C", "\\boxed{A}"), 0);
  EXPECT_FALSE(judge("choice", "Paris", "B").valid);
}

TEST(RegexReward, MatchesThePartItIsToldTo) {
  EXPECT_EQ(pays("regex", "a.b", "\\boxed{a.b}"), 1);
  EXPECT_EQ(pays("regex", "a.b", "\\boxed{axb}"), 0);  // the reference is no pattern
  EXPECT_EQ(pays("regex;pattern=\\d+ (km|m)", "", "\\boxed{12 km}"), 1);
  EXPECT_EQ(pays("regex;pattern=\\d+", "", "\\boxed{12 km}"), 0);
  EXPECT_EQ(pays("regex;pattern=\\d+;whole=false", "", "\\boxed{12 km}"), 1);
  EXPECT_EQ(pays("regex;pattern=(?s).*wait.*;where=thought", "", "<think>so wait</think> 7"), 1);
  EXPECT_EQ(pays("regex;pattern=7;where=said", "", "<think>so</think> 7"), 1);
  EXPECT_EQ(pays("regex;pattern={answer} km", "7+", "\\boxed{7+ km}"), 1);
}

TEST(RegexReward, BoundsHostilePatternsAndBytes) {
  const std::string text = "\\boxed{" + std::string(50, 'a') + "!}";
  const Timer timer;
  const Verdict verdict = judge("regex;pattern=(a|aa)+", "", text);
  EXPECT_EQ(verdict.value, 0);
  EXPECT_NE(verdict.reason.find("limit"), std::string::npos) << verdict.reason;
  EXPECT_LT(timer.seconds(), 2.0);
  EXPECT_EQ(pays("regex;pattern=.*", "", "\\boxed{\xFF\xFE}"), 0);
  const auto broken = make_rewards({"regex;pattern=(a"});
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find("byte"), std::string::npos) << broken.error().message;
  EXPECT_FALSE(make_rewards({"regex;where=nowhere"}));
}

TEST(Strict, TakesOneMarkedAnswerAfterAClosedThought) {
  const auto only = [](std::string_view text, bool opens = false) {
    return extract_only_answer({text, true, opens}, {});
  };
  EXPECT_EQ(only("<think>so</think> \\boxed{7}"), "7");
  EXPECT_EQ(only("<think>so</think> <answer> 7 </answer>"), "7");
  EXPECT_EQ(only("<think>so</think> <answer> \\boxed{7} </answer>"), "7");
  EXPECT_EQ(only("\\boxed{7}"), "7");
  EXPECT_EQ(only("so</think> \\boxed{\\frac{1}{2}}", true), "\\frac{1}{2}");
  EXPECT_EQ(only("<think>so \\boxed{8}</think> \\boxed{7}"), "7");
  for (const char* text : {"7", "The answer is 7", "#### 7", "\\boxed{7} \\boxed{8}",
                           "<think>so \\boxed{7}", "<think>so</think></think>\\boxed{7}",
                           "x <think>so</think>\\boxed{7}", "</think>\\boxed{7}",
                           "<answer>7</answer> \\boxed{7}", "<answer>7</answer><answer>7</answer>"})
    EXPECT_EQ(only(text), "") << text;
  EXPECT_EQ(only("\\boxed{7}", true), "");  // the thought was opened by the prompt, never closed
}

TEST(Strict, StillPaysForHonestAnswers) {
  const std::string text = "<think>six times seven</think> It is <answer>42</answer>.";
  for (const char* name : {"accuracy", "accuracy_strict", "exact", "numeric", "regex", "length"})
    EXPECT_GT(pays(name, "42", text, true), 0.5) << name;
  EXPECT_EQ(pays("choice", "B", "<think>so</think> \\boxed{(B)}", true), 1);
  const std::string formal = "<think>\nsix times seven\n</think>\n<answer>\n42\n</answer>";
  for (const char* name : {"format", "format_r1", "format_open_r1", "format_tag_count"})
    EXPECT_EQ(pays(name, "42", formal, true), 1) << name;
}

TEST(FormatPresets, AreChosenByOption) {
  const std::string text = "<think>\nso\n</think>\nIt is 7.";
  EXPECT_EQ(pays("format", "7", text), 0);
  EXPECT_EQ(pays("format;preset=r1", "7", text), 1);
  EXPECT_EQ(pays("format;preset=tag_count", "7", text), 0.5);
  EXPECT_EQ(pays("format;preset=r1", "7", "<think>so</think><answer></answer>"), 0);
  EXPECT_FALSE(make_rewards({"format;preset=zen"}));
  const auto rewards = make_rewards({"format_tag_count", "format_open_r1"});
  const Score score = rewards->score({}, {"so\n</think>\n<answer>\n7\n</answer>", true, true});
  EXPECT_EQ(score.value, 2);  // R1's template ends with <think>\n
}

}  // namespace
}  // namespace r1
