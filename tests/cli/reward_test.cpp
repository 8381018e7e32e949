// r1 reward: check and attack.
#include <nlohmann/json.hpp>

#include "cli/program.h"

namespace r1 {
namespace {

TEST(RewardVerb, CheckSaysWhatAndWhy) {
  const Scratch scratch;
  const std::string data = (scratch / "rows.jsonl").string();
  spill(data,
        "{\"gold\": \"1/2\", \"answer\": \"\\\\boxed{0.5}\", \"equal\": true}\n"
        "{\"answer\": \"7\", \"completion\": \"so 8\", \"equal\": true, \"id\": \"second\"}\n");
  const std::string table = must_run({"reward", "check", "--reward", "accuracy", "--data", data});
  EXPECT_HAS(table, "0.5 equals 1/2");
  EXPECT_HAS(table, "8 is not 7");
  EXPECT_HAS(table, "2 rows: 1 accepted, 0 without a verdict, mean 0.5; 1 of 2 as labelled");
  const std::string wrong = must_run(
      {"reward", "check", "--reward", "accuracy", "--data", data, "--json", "--only_wrong"});
  const auto row = nlohmann::json::parse(wrong);
  EXPECT_EQ(row["id"], "second");
  EXPECT_EQ(row["rewards"]["accuracy"]["extracted"], "8");
  EXPECT_EQ(row["rewards"]["accuracy"]["value"], 0.0);
}

TEST(RewardVerb, CheckTakesRewardTables) {
  const Scratch scratch;
  const std::string data = (scratch / "rows.jsonl").string();
  const std::string config = (scratch / "rewards.toml").string();
  spill(data, "{\"gold\": \"7\", \"answer\": \"7\"}\n");
  spill(config, "[[reward]]\nname = \"overlong\"\nlabel = \"short\"\nmax_length = 1\ncache = 0\n");
  EXPECT_HAS(must_run({"reward", "check", "--config", config, "--data", data}), "short");
}

TEST(RewardVerb, AttackReportsAcceptance) {
  const std::string text = must_run({"reward", "attack", "--reward", "accuracy,format", "--json"});
  const auto reports = nlohmann::json::parse(text);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_GE(reports[0]["tried"], 200);
  EXPECT_EQ(reports[0]["accepted"], 0);
  EXPECT_EQ(reports[1]["rate"], 0.0);
  EXPECT_HAS(must_run({"reward", "attack", "--reward", "accuracy", "--no-strict", "--show", "3"}),
             "many boxed");
}

TEST(RewardVerb, RefusesWithARemedy) {
  const Scratch scratch;
  const std::string bad = (scratch / "bad.jsonl").string();
  spill(bad, "{\"gold\": \"7\", \"answer\": \"7\"}\n{\"gold\": \"7\"}\n");
  EXPECT_HAS(must_fail({"reward", "check", "--reward", "accuracy", "--data", bad}),
             "bad.jsonl:2: nothing to judge");
  EXPECT_HAS(must_fail({"reward", "check", "--data", bad}), "--reward NAME");
  EXPECT_HAS(must_fail({"reward", "check", "--reward", "nope", "--data", bad}), "unknown reward");
  EXPECT_HAS(must_fail({"reward", "chek"}), "unknown action 'chek'; did you mean 'check'?");
  EXPECT_HAS(must_fail({"reward", "attack", "--reward", "regex;pattern=("}), "byte");
}

}  // namespace
}  // namespace r1
