#include "reward/registry.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "data/last_digit.h"

namespace r1 {
namespace {

Problem asks(const std::string& answer) {
  Problem problem;
  problem.answer = answer;
  return problem;
}

TEST(Rewards, AreAWeightedSumWithNamedParts) {
  const auto rewards = make_rewards({"accuracy", "format"}, {1.0, 0.5});
  ASSERT_TRUE(rewards);
  const auto score = [&](std::string_view text) { return rewards->score(asks("7"), {text, true}); };
  const Score both = score("<think> a </think> <answer> 7 </answer>");
  EXPECT_EQ(both.value, 1.5);
  EXPECT_EQ(both.parts,
            (std::vector<std::pair<std::string, double>>{{"accuracy", 1.0}, {"format", 1.0}}));
  EXPECT_EQ(both.reason, "accuracy: 7 equals 7; format: well formed");
  EXPECT_TRUE(both.valid);
  EXPECT_EQ(score("<think> a </think> <answer> 8 </answer>").value, 0.5);
  EXPECT_EQ(score("<answer> 7 </answer>").value, 1.0);
  EXPECT_EQ(score("").value, 0.0);
}

TEST(Rewards, WithoutWeightsCountOneEach) {
  const auto rewards = make_rewards({"exact", "format_r1"});
  ASSERT_TRUE(rewards);
  EXPECT_EQ(rewards->score(asks("7"), {"<think> a </think> 7", true}).value, 2.0);
}

TEST(Rewards, AreNotValidWithoutAReference) {
  const auto rewards = make_rewards({"format", "accuracy"});
  EXPECT_FALSE(rewards->score(asks(""), {"<think> a </think> <answer> 7 </answer>", true}).valid);
}

TEST(Rewards, PayEveryColdStartExampleInFull) {
  const auto rewards =
      make_rewards({"accuracy_strict", "format", "last_digit_language"}, {1, 0.5, 0.3});
  ASSERT_TRUE(rewards);
  for (int64_t i = 0; i < 200; ++i) {
    const std::string target = last_digit_cold_start(1, i).completion;
    const std::string text = target.substr(0, target.size() - 6);  // without <eos>
    const size_t at = text.find("<answer> ");
    EXPECT_DOUBLE_EQ(rewards->score(asks(text.substr(at + 9, 1)), {text, true}).value, 1.8) << text;
  }
}

TEST(Rewards, SurviveAnyJumbleOfTagsAndBytes) {
  const auto rewards = make_rewards({"accuracy", "accuracy_strict", "format", "format_r1"});
  static constexpr std::string_view kPieces[] = {
      "<think>", "</think>",  "<answer>", "</answer>", "\\boxed{", "}",     "{", "\\",
      "#### ",   "answer is", " ",        "\n",        "7",        "-",     ".", ",",
      "/",       "$",         "%",        "\xE2",      "\xFF",     "\\frac"};
  Rng rng(2, 0);
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (int64_t n = rng.below(16); n > 0; --n) text += kPieces[rng.below(std::size(kPieces))];
    const Score score = rewards->score(asks("7"), {text, true});
    ASSERT_LE(score.value, 4.0) << text;
    ASSERT_LE(score.parts[2].second, score.parts[3].second) << text;  // zero is stricter than r1
  }
}

TEST(Rewards, RefuseWhatTheyDoNotKnow) {
  const auto message = [](const std::vector<std::string>& names,
                          const std::vector<double>& weights) {
    const auto rewards = make_rewards(names, weights);
    return rewards ? "no error" : rewards.error().message;
  };
  EXPECT_NE(
      message({"acuracy"}, {}).find("unknown reward acuracy (known: accuracy, exact, numeric"),
      std::string::npos);
  EXPECT_NE(message({}, {}).find("no reward is named"), std::string::npos);
  EXPECT_NE(message({"accuracy"}, {1, 2}).find("1 rewards but 2 weights"), std::string::npos);
  EXPECT_NE(message({"format", "format"}, {}).find("named twice"), std::string::npos);
  EXPECT_NE(message({"format"}, {std::nan("")}).find("not a number"), std::string::npos);
  EXPECT_NE(reward_help().find("format_r1"), std::string::npos);
}

TEST(RewardsShared, AgreeWithOpenR1) {
  const char* shared = std::getenv("R1_SHARED_DATA");
  const Path path = Path(shared ? shared : "") / "rl_ops/open_r1_rewards.jsonl";
  if (!shared || !std::filesystem::exists(path)) {
    GTEST_SKIP() << "R1_SHARED_DATA does not name a folder with rl_ops/open_r1_rewards.jsonl";
  }
  const auto rewards = make_rewards({"accuracy", "format_open_r1"});
  std::ifstream in(path);
  int n_cases = 0;
  for (std::string line; std::getline(in, line);) {
    const auto row = nlohmann::json::parse(line);
    const std::string kind = row["kind"], content = row["content"];
    if (kind != "accuracy" && kind != "format") continue;
    const Score score = rewards->score(asks(row.value("gold", "0")), {content, true});
    EXPECT_EQ(score.parts[kind == "accuracy" ? 0 : 1].second, row["expected"].get<double>())
        << line;
    ++n_cases;
  }
  EXPECT_EQ(n_cases, 5);
}

TEST(RewardsShared, JudgeLabelledGsm8kSolutionsAsPeopleDid) {
  const char* shared = std::getenv("R1_SHARED_DATA");
  const Path path = Path(shared ? shared : "") / "gsm8k/model_solutions_labelled_first300.jsonl";
  if (!shared || !std::filesystem::exists(path)) {
    GTEST_SKIP() << "R1_SHARED_DATA does not name a folder with gsm8k/model_solutions_labelled…";
  }
  const auto rewards = make_rewards({"accuracy"});
  std::ifstream in(path);
  int n_cases = 0, n_agree = 0;
  for (std::string line; std::getline(in, line);) {
    const auto row = nlohmann::json::parse(line);
    const std::string truth = row["ground_truth"];
    const Problem problem = asks(truth.substr(truth.rfind("A: ") + 3));
    for (const auto& solution : row["solutions"]) {
      const std::string text = solution["solution"];
      const bool paid = rewards->score(problem, {text, true}).value == 1;
      n_agree += paid == solution["is_correct"].get<bool>();
      ++n_cases;
    }
  }
  EXPECT_EQ(n_cases, 1200);
  EXPECT_EQ(n_agree, n_cases);
}

}  // namespace
}  // namespace r1
