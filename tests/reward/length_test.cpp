// repetition, reasoning_steps, length, overlong: values worked out by hand and open-r1's own.
#include "reward/length.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "reward/registry.h"
#include "reward/repetition.h"

namespace r1 {
namespace {

double pays(const std::string& reward, std::string_view text, const std::string& gold = "7",
            int64_t n_tokens = -1) {
  const auto rewards = make_rewards({reward});
  EXPECT_TRUE(rewards) << rewards.error().message;
  Problem problem;
  problem.answer = gold;
  return rewards->score(problem, {text, true, false, n_tokens}).value;
}

TEST(Repetition, IsTheShareOfRepeatedGroupsOfWords) {
  EXPECT_EQ(pays("repetition", "one two three four five"), 0);
  EXPECT_EQ(pays("repetition", "one two"), 0);
  EXPECT_EQ(pays("repetition", ""), 0);
  EXPECT_DOUBLE_EQ(pays("repetition;ngram_size=2", "this is a this is a test"), -1.0 / 3);
  EXPECT_DOUBLE_EQ(pays("repetition;max_penalty=-0.5", "test test test test"), -0.25);
  EXPECT_FALSE(make_rewards({"repetition;ngram_size=0"}));
  EXPECT_FALSE(make_rewards({"repetition;max_penalty=1"}));
}

TEST(Repetition, SeesThroughCapitalsPunctuationAndInvisibleLetters) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(repetition_words("No,no;NO-no!", false), (Words{"no", "no", "no", "no"}));
  EXPECT_EQ(repetition_words("w\u200Bait wa\u00ADit", false), (Words{"wait", "wait"}));
  EXPECT_EQ(repetition_words("让我想", false), (Words{"让", "我", "想"}));
  EXPECT_EQ(repetition_words("x = 12", false), (Words{"x", "=", "12"}));
  EXPECT_EQ(repetition_words("x = 12", true), (Words{"x", "=", "0"}));
  EXPECT_EQ(repetition_words(std::string(28, 'a'), false).size(), 7u);
  EXPECT_EQ(repetition_words("\xFF\xFE", false).size(), 1u);
}

TEST(ReasoningSteps, StrictlyCountDifferentStepsWithSomethingInThem) {
  const auto steps = [](std::string_view text, bool strict) {
    return reasoning_steps({}, {text, true}, {false, strict}).value;
  };
  EXPECT_EQ(steps("Step 1: a\nStep 2: a\nStep 3: a", false), 1);
  EXPECT_EQ(steps("Step 1: a\nStep 2: a\nStep 3: a", true), 0);
  EXPECT_EQ(steps("First, we add the two numbers.\nSecond, the sum is halved by us.\n"
                  "Finally, that is compared with the limit.",
                  true),
            1);
}

TEST(Length, FallsAlongACosineWhenRightAndRisesWhenWrong) {
  const std::string reward = "length;max_length=100;unit=tokens";
  const auto right = [&](int64_t n) { return pays(reward, "\\boxed{7}", "7", n); };
  const auto wrong = [&](int64_t n) { return pays(reward, "\\boxed{8}", "7", n); };
  EXPECT_DOUBLE_EQ(right(0), 1.0);
  EXPECT_DOUBLE_EQ(right(50), 0.75);
  EXPECT_DOUBLE_EQ(right(100), 0.5);
  EXPECT_DOUBLE_EQ(right(150), 0.5);  // it does not turn back
  EXPECT_DOUBLE_EQ(wrong(0), -1.0);
  EXPECT_DOUBLE_EQ(wrong(100), -0.5);
  EXPECT_FALSE(make_rewards({"length;max_length=0"}));
  EXPECT_FALSE(make_rewards({"length;unit=lines"}));
}

TEST(Overlong, IsDaposSoftPunishment) {
  const auto at = [](int64_t n) { return pays("overlong;max_length=20;cache=4", "x", "", n); };
  EXPECT_EQ(at(0), 0);
  EXPECT_EQ(at(16), 0);
  EXPECT_EQ(at(18), -0.5);
  EXPECT_EQ(at(20), -1);
  EXPECT_EQ(at(21), -1);
  EXPECT_EQ(pays("overlong;max_length=4;cache=0", "中中中中"), 0);
  EXPECT_EQ(pays("overlong;max_length=4;cache=0", "中中中中中"), -1);
  EXPECT_FALSE(make_rewards({"overlong;max_length=4;cache=5"}));
}

std::string reward_of(const nlohmann::json& row) {
  const std::string kind = row["kind"];
  const auto params = row.value("params", nlohmann::json::object());
  const auto number = [&](const char* name) { return params[name].dump(); };
  if (kind == "accuracy") return "accuracy";
  if (kind == "format") return "format_open_r1";
  if (kind == "reasoning_steps") return "reasoning_steps";
  if (kind == "repetition_penalty")
    return "repetition;ngram_size=" + number("ngram_size") +
           ";max_penalty=" + number("max_penalty");
  std::string reward = "length;unit=characters;max_length=" + number("max_len");
  for (const char* name :
       {"min_value_wrong", "max_value_wrong", "min_value_correct", "max_value_correct"})
    reward += std::string(";") + name + "=" + number(name);
  return reward;
}

TEST(RewardsShared, ReproduceEveryVectorOfOpenR1) {
  const char* shared = std::getenv("R1_SHARED_DATA");
  const Path path = Path(shared ? shared : "") / "rl_ops/open_r1_rewards.jsonl";
  if (!shared || !std::filesystem::exists(path))
    GTEST_SKIP() << "R1_SHARED_DATA does not name a folder with rl_ops/open_r1_rewards.jsonl";
  std::ifstream in(path);
  int n = 0;
  for (std::string line; std::getline(in, line); ++n) {
    const auto row = nlohmann::json::parse(line);
    const std::string content = row["content"];
    EXPECT_NEAR(pays(reward_of(row), content, row.value("gold", "0")),
                row["expected"].get<double>(), row.value("tolerance", 1e-12))
        << line;
  }
  EXPECT_EQ(n, 13);
}

}  // namespace
}  // namespace r1
