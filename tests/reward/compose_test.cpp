// [[reward]] tables: options, labels, weights, and the choice by data set.
#include <gtest/gtest.h>

#include <cmath>

#include "base/fields.h"
#include "reward/check.h"
#include "reward/registry.h"
#include "reward/settings.h"

namespace r1 {
namespace {

struct Config {
  std::vector<std::string> reward;
  void visit(auto&& f) { f("reward", reward, ""); }
};

Problem of(const std::string& source, const std::string& answer = "7") {
  Problem problem;
  problem.source = source;
  problem.answer = answer;
  return problem;
}

constexpr const char* kToml = R"(
[[reward]]
name = "accuracy"
data = ["gsm8k"]
strict = true

[[reward]]
name = "overlong"
label = "not_too_long"
weight = 0.5
max_length = 4
cache = 2
)";

TEST(Compose, ReadsRewardTablesOfAConfigFile) {
  Config config;
  const auto read = apply_toml(list_fields(config), kToml, "run.toml");
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(config.reward.size(), 2u);
  const auto rewards = choose_rewards(config.reward, {"format"}, {});
  ASSERT_TRUE(rewards) << rewards.error().message;
  const Score score = rewards->score(of("gsm8k"), {"\\boxed{7}", true, false, 3});
  EXPECT_DOUBLE_EQ(score.value, 1 - 0.25);
  EXPECT_EQ(score.parts[1].first, "not_too_long");
  EXPECT_EQ(score.parts[1].second, -0.5);
  EXPECT_EQ(rewards->score(of("gsm8k"), {"#### 7", true, false, 0}).value, 0);  // strict
  Config again;  // a run writes its config down and reads it when it goes on
  ASSERT_TRUE(apply_toml(list_fields(again), to_toml(list_fields(config)), "config.toml"));
  EXPECT_EQ(again.reward, config.reward);
}

TEST(Compose, AsksARewardOnlyAboutItsData) {
  Config config;
  ASSERT_TRUE(apply_toml(list_fields(config), kToml, "run.toml"));
  const auto rewards = make_rewards(config.reward);
  const Score score = rewards->score(of("poems", ""), {"a poem", true, false, 9});
  EXPECT_TRUE(score.valid);
  EXPECT_EQ(score.value, -0.5);
  EXPECT_TRUE(std::isnan(score.parts[0].second));
  EXPECT_TRUE(rewards->can_judge(of("poems", "")));
  EXPECT_FALSE(rewards->can_judge(of("gsm8k", "")));
  Problem verl = of("train", "");
  verl.columns["data_source"] = "\"gsm8k\"";
  EXPECT_FALSE(rewards->can_judge(verl));
}

TEST(Compose, MasksWhatNoRewardIsFor) {
  const auto rewards = make_rewards({"accuracy;data=gsm8k"});
  const Score score = rewards->score(of("poems"), {"\\boxed{7}", true});
  EXPECT_FALSE(score.valid);
  EXPECT_EQ(score.reason, "no reward is for this row");
  EXPECT_FALSE(rewards->can_judge(of("poems")));
}

Problem typed(const std::string& type, const char* column = "type") {
  Problem problem = of("prompts");
  problem.columns[column] = "\"" + type + "\"";
  return problem;
}

TEST(Compose, RoutesPromptsToRewardsByTheirType) {
  const auto rewards = make_rewards(
      {"accuracy;types=math,code", "repetition;types=general;from_step_ratio=0.75", "format"});
  ASSERT_TRUE(rewards) << rewards.error().message;
  const Score math = rewards->score(typed("math"), {"\\boxed{7}", true});
  EXPECT_EQ(math.parts[0].second, 1);
  EXPECT_TRUE(std::isnan(math.parts[1].second));
  const Score verl = rewards->score(typed("code", "ability"), {"\\boxed{7}", true});
  EXPECT_EQ(verl.parts[0].second, 1);
  const Score general = rewards->score(typed("general"), {"\\boxed{7}", true});
  EXPECT_TRUE(std::isnan(general.parts[0].second));
  EXPECT_FALSE(std::isnan(general.parts[1].second));
  EXPECT_EQ(problem_type(of("a")), "");
  Problem number = of("a");
  number.columns["type"] = "3";
  EXPECT_EQ(problem_type(number), "");
}

TEST(Compose, ARewardCountsFromItsShareOfTheRunOn) {
  const auto rewards =
      make_rewards({"accuracy;types=math", "repetition;types=general;from_step_ratio=0.75",
                    "repetition;label=watched;weight=0;types=general"});
  ASSERT_TRUE(rewards) << rewards.error().message;
  const std::vector<Problem> problems{typed("math"), typed("general")};
  const std::vector<Ask> asks{{&problems[0], {"\\boxed{7}", true}},
                              {&problems[1], {"a b a b a b a b", true}}};
  ThreadPool pool(1);
  const auto early = rewards->score_all(asks, pool, 0.7),
             late = rewards->score_all(asks, pool, 0.75);
  EXPECT_TRUE(early[0].valid);
  EXPECT_TRUE(std::isnan(early[1].parts[1].second));
  EXPECT_TRUE(late[1].valid);
  EXPECT_LT(late[1].value, 0);
  EXPECT_EQ(rewards->opens_at(problems[0]), 0);
  EXPECT_EQ(rewards->opens_at(problems[1]), 0.75);
  EXPECT_TRUE(rewards->is_for(problems[1]));
  EXPECT_FALSE(rewards->is_for(typed("poems")));
  EXPECT_EQ(make_rewards({"format;from_step_ratio=1"}).error().message,
            "reward format: from_step_ratio is 1; it is a share of the run, from 0 to below 1");
}

TEST(Compose, ScoresAllAsItScoresEach) {
  const auto rewards = make_rewards({"accuracy", "format;data=a", "length"}, {1, 2, 3});
  std::vector<Problem> problems;
  std::vector<std::string> texts;
  for (int i = 0; i < 100; ++i) {
    problems.push_back(of(i % 3 == 0 ? "a" : "b", std::to_string(i % 5)));
    texts.push_back("<think>so</think><answer>" + std::to_string(i % 7) + "</answer>");
  }
  std::vector<Ask> asks;
  for (int i = 0; i < 100; ++i) asks.push_back({&problems[i], {texts[i], true}});
  ThreadPool pool(3);
  const auto scores = rewards->score_all(asks, pool);
  for (int i = 0; i < 100; ++i) {
    const Score one = rewards->score(problems[i], asks[i].completion);
    EXPECT_EQ(scores[i].value, one.value);
    EXPECT_EQ(scores[i].reason, one.reason);
    EXPECT_EQ(scores[i].valid, one.valid);
  }
}

TEST(Compose, RefusesWhatItCannotRead) {
  const auto message = [](const std::string& spec) {
    const auto rewards = make_rewards({spec});
    return rewards ? "no error" : rewards.error().message;
  };
  const auto expect = [&](const std::string& spec, const std::string& part) {
    EXPECT_NE(message(spec).find(part), std::string::npos) << message(spec);
  };
  expect("length;max_lenth=3", "did you mean 'max_length'");
  expect("length;max_length=many", "takes a whole number");
  expect("length;max_length", "is not key=value");
  expect("name = \"length\"\nmax_lenght = 3", "did you mean 'max_length'");
  expect("name = \"length\"\nweight = \"much\"", "'weight' takes a number");
  expect("weight = 1.0", "has no name");
  expect("name = ", "reward 'name = '");
  expect("format_r1;preset=zero", "has no options of its own");
  expect("name = \"accuracy\"\nweight = nan", "not a number");
  expect("", "reward");
}

TEST(Check, CountsAgreementWithLabels) {
  EXPECT_TRUE(agrees_with_label({1, "", true}, 1));
  EXPECT_FALSE(agrees_with_label({1, "", false}, 1));
  EXPECT_TRUE(agrees_with_label({0.5, "", true}, 0));
  EXPECT_TRUE(agrees_with_label({0.943, "", true}, 0.945));
  const std::vector<CheckRow> rows{{of("a"), "x", true, false, 1.0},
                                   {of("a"), "x", true, false, {}}};
  const CheckSummary s = summarize_check(rows, {{{1, "", true}}, {{0, "", false}}});
  EXPECT_EQ(describe(s),
            "2 rows: 1 accepted, 1 without a verdict, mean 1; 1 of 1 as labelled "
            "(100.00 %)");
}

TEST(Compose, WatchesARewardOfWeightZeroWithoutASayInTheScore) {
  const auto rewards = make_rewards({"format", "accuracy"}, {1, 0});
  ASSERT_TRUE(rewards) << rewards.error().message;
  const Completion completion{"<think> so </think> <answer> 7 </answer>", true};
  const Score score = rewards->score(of("a"), completion);
  EXPECT_EQ(score.value, 1);
  EXPECT_EQ(score.parts[1].second, 1);
  // no reference: the watched reward is silent, the completion is not masked, the row not left out
  const Problem unknown = of("a", "");
  EXPECT_TRUE(rewards->can_judge(unknown));
  const Score silent = rewards->score(unknown, completion);
  EXPECT_TRUE(silent.valid);
  EXPECT_EQ(silent.value, 1);
  EXPECT_TRUE(std::isnan(silent.parts[1].second));
  EXPECT_FALSE(make_rewards({"format", "accuracy"}, {0, 1})->can_judge(unknown));
}

}  // namespace
}  // namespace r1
