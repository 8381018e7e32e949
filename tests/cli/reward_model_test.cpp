// r1 reward train and the reward_model reward, from the command line.
#include <nlohmann/json.hpp>

#include "cli/program.h"

namespace r1 {
namespace {

/// Pairs of the built-in task, training and held out, made once.
const Path& pairs_folder() {
  static const Scratch scratch;
  static const bool made = [] {
    for (const char* split : {"preferences", "preferences_test"}) {
      must_run({"data", "--split", split, "--n", "60", "--output",
                (scratch / (std::string(split) + ".jsonl")).string()});
    }
    return true;
  }();
  EXPECT_TRUE(made);
  return scratch.path();
}

Args train_args(const Path& output_dir, const Args& more = {}) {
  return Args{"reward",
              "train",
              "--model",
              tiny_model().string(),
              "--data",
              (pairs_folder() / "preferences.jsonl").string(),
              "--eval_data",
              (pairs_folder() / "preferences_test.jsonl").string(),
              "--output_dir",
              output_dir.string(),
              "--max_steps",
              "12",
              "--save_steps",
              "4",
              "--eval_steps",
              "6",
              "--train_batch_size",
              "8",
              "--learning_rate",
              "1e-2"} +
         more;
}

/// A reward model, trained once.
const Path& reward_model() {
  static const Scratch scratch;
  static const Path folder = [] {
    must_run(train_args(scratch / "run"));
    return scratch / "run";
  }();
  return folder;
}

TEST(RewardModelVerb, TrainsOnPairsAndSaysHowWell) {
  const std::string metrics = slurp(reward_model() / "metrics.jsonl");
  for (const char* name : {"\"loss\"", "\"accuracy\"", "\"margin\"", "\"mean_reward\"",
                           "\"min_reward\"", "\"max_reward\"", "\"eval_loss\"", "\"eval_accuracy\"",
                           "\"eval_margin\"", "\"eval_ece\"", "\"eval_brier\""}) {
    EXPECT_HAS(metrics, name);
  }
  EXPECT_HAS(slurp(reward_model() / "report.html"), "Pairs in the right order");
  const auto config = nlohmann::json::parse(slurp(reward_model() / "final/config.json"));
  EXPECT_EQ(config["architectures"][0], "LlamaForSequenceClassification");
  EXPECT_EQ(config["reward_part"], "response");
  EXPECT_HAS(must_run({"inspect", (reward_model() / "final").string()}), "one score");
}

TEST(RewardModelVerb, GoesOnInTheSameBits) {
  const Scratch scratch;
  must_run(train_args(scratch / "run", {"--max_steps", "5"}));
  must_run(train_args(scratch / "run", {"--resume"}));
  // the run that stopped at 5 measured there too
  must_run(train_args(scratch / "whole"));
  for (const char* file : {"final/model.safetensors", "checkpoints/step-12/model.safetensors"}) {
    EXPECT_EQ(slurp(scratch / "run" / file), slurp(reward_model() / file)) << file;
  }
  EXPECT_EQ(slurp(scratch / "whole" / "metrics.jsonl"), slurp(reward_model() / "metrics.jsonl"));
}

TEST(RewardModelVerb, TrainsOnLabelsAndSplitsOffHeldOutRows) {
  const Scratch scratch;
  std::string rows;
  for (int i = 0; i < 40; ++i) {
    rows += "{\"prompt\": \"8 a + 4 ?\", \"completion\": \"so " + std::to_string(i % 10) +
            "\", \"label\": \"" + (i % 2 ? "safe" : "unsafe") + "\"}\n";
  }
  spill(scratch / "labels.jsonl", rows);
  must_run({"reward", "train", "--model", tiny_model().string(), "--data",
            (scratch / "labels.jsonl").string(), "--eval_split", "0.25", "--output_dir",
            (scratch / "run").string(), "--max_steps", "3", "--part", "summary"});
  EXPECT_HAS(slurp(scratch / "run" / "metrics.jsonl"), "eval_accuracy");
  EXPECT_HAS(slurp(scratch / "run" / "final" / "config.json"), "\"reward_part\": \"summary\"");
  // a reward model goes on as one, and says what it was trained on
  must_run({"reward", "train", "--model", (scratch / "run/final").string(), "--data",
            (scratch / "labels.jsonl").string(), "--output_dir", (scratch / "more").string(),
            "--max_steps", "1"});
  EXPECT_HAS(slurp(scratch / "more" / "final" / "config.json"), "\"reward_part\": \"summary\"");
}

TEST(RewardModelVerb, ItsRewardChecksAndTeachesWhileTheTrueOneIsWatched) {
  const Scratch scratch;
  const std::string reward = "reward_model;label=rm;model=" + (reward_model() / "final").string();
  spill(scratch / "rows.jsonl",
        "{\"prompt\": \"8 a + 4 ?\", \"answer\": \"2\", \"completion\": \"so 2\"}\n"
        "{\"answer\": \"2\", \"completion\": \"so 2\"}\n");
  const std::string table = must_run(
      {"reward", "check", "--reward", reward, "--data", (scratch / "rows.jsonl").string()});
  EXPECT_HAS(table, "scores ");
  EXPECT_HAS(table, "the row has no prompt");
  must_run({"rl", "--model", tiny_model().string(), "--output_dir", (scratch / "rl").string(),
            "--max_steps", "2", "--num_generations", "4", "--train_batch_size", "2",
            "--max_completion_length", "16", "--reward_funcs", reward + ",accuracy",
            "--reward_weights", "1,0"});
  const auto line =
      nlohmann::json::parse(slurp(scratch / "rl" / "metrics.jsonl")
                                .substr(0, slurp(scratch / "rl" / "metrics.jsonl").find('\n')));
  EXPECT_DOUBLE_EQ(line["reward"], line["rewards/rm/mean"]);
  EXPECT_TRUE(line.contains("rewards/accuracy/mean"));
}

TEST(RewardModelVerb, IsRefusedWhereTextIsWanted) {
  const std::string model = (reward_model() / "final").string();
  for (const Args& args :
       {Args{"generate", "--model", model, "--prompt", "8"}, Args{"eval", "--model", model}}) {
    EXPECT_HAS(must_fail(args), "a reward model, which scores");
  }
}

TEST(RewardModelVerb, RefusesWithARemedy) {
  const Scratch scratch;
  const Path out = scratch / "run";
  EXPECT_HAS(must_fail({"reward", "train", "--output_dir", out.string()}), "--model DIR");
  EXPECT_HAS(must_fail(train_args(out, {"--eval_split", "0.5"})), "exclude each other");
  EXPECT_HAS(must_fail(train_args(out, {"--part", "half"})), "response or summary");
  EXPECT_HAS(must_fail(train_args(out, {"--max_length", "2"})), "longer than 2 tokens");
  EXPECT_HAS(must_fail({"reward", "check", "--reward", "reward_model", "--data", "x.jsonl"}),
             "reward_model;model=DIR");
  EXPECT_HAS(must_fail({"reward", "check", "--reward",
                        "reward_model;model=" + tiny_model().string(), "--data", "x.jsonl"}),
             "r1 reward train");
}

TEST(RewardModelVerb, GoesOnWithATenthOfEarlierRows) {
  const Scratch scratch;
  const std::string earlier = (scratch / "earlier.jsonl").string();
  must_run({"data", "--split", "preferences", "--n", "40", "--seed", "5", "--output", earlier});
  const Args replay{"--model", (reward_model() / "final").string(), "--replay_data", earlier};
  const auto said = [&](const char* run, const Args& more) {
    const Outcome outcome = run_r1(train_args(scratch / run, replay + more));
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return outcome.err;
  };
  const std::string pairs = (pairs_folder() / "preferences.jsonl").string();
  EXPECT_HAS(said("a", {}), "60 rows of " + pairs + " and 7 of " + earlier);  // 60 / 9
  EXPECT_HAS(said("b", {"--replay_ratio", "0.5"}), "and 40 of");              // there are no more
  EXPECT_HAS(must_fail(train_args(scratch / "c", replay + Args{"--replay_ratio", "1"})),
             "replay_ratio");
}

}  // namespace
}  // namespace r1
