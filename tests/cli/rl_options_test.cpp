// What users of other trainers expect of r1 rl: presets by name, options that win over them, and
// runs that go on exactly where they stopped whatever they keep between steps.
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "cli/program.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

std::vector<Json> lines_of(const Path& file) {
  std::vector<Json> lines;
  std::istringstream in(slurp(file));
  for (std::string line; std::getline(in, line);) lines.push_back(Json::parse(line));
  return lines;
}

/// Rewards that differ even among the words of a new model.
Args rl_args(const Path& output_dir, const Args& more = {}) {
  return Args{"rl",
              "--model",
              tiny_model().string(),
              "--output_dir",
              output_dir.string(),
              "--max_steps",
              "6",
              "--save_steps",
              "2",
              "--save_total_limit",
              "9",
              "--train_batch_size",
              "4",
              "--num_generations",
              "4",
              "--max_completion_length",
              "12",
              "--reward_funcs",
              "last_digit_language",
              "--reward_weights",
              "1",
              "--learning_rate",
              "1e-3",
              "--warmup_steps",
              "0"} +
         more;
}

/// Twelve prompts of the built-in task, half of them math and half general.
const Path& prompts_file() {
  static const Scratch scratch;
  static const Path file = [] {
    const std::string plain = must_run({"data", "--n", "12"});
    std::istringstream in(plain);
    std::string text;
    int n = 0;
    for (std::string line; std::getline(in, line); ++n) {
      Json row = Json::parse(line);
      row["type"] = n % 2 == 0 ? "math" : n % 4 == 1 ? "helpful" : "harmless";
      text += row.dump() + "\n";
    }
    EXPECT_EQ(n, 12);
    spill(scratch / "prompts.jsonl", text);
    return scratch / "prompts.jsonl";
  }();
  return file;
}

void expect_same_run(const Path& a, const Path& b) {
  const bool is_adapter = std::filesystem::exists(a / "final/adapter_model.safetensors");
  const char* weights = is_adapter ? "final/adapter_model.safetensors" : "final/model.safetensors";
  for (const char* name : {weights, "metrics.jsonl", "samples.jsonl"}) {
    EXPECT_FALSE(slurp(a / name).empty()) << name;
    EXPECT_TRUE(slurp(a / name) == slurp(b / name)) << name << " differs";
  }
}

/// A copy of a run as a kill after step 3 would leave it; what goes on from there must equal it.
/// Returns its metrics.
std::vector<Json> expect_resumes_exactly(const Args& more) {
  const Scratch scratch;
  must_run(rl_args(scratch / "whole", more));
  std::filesystem::copy(scratch / "whole", scratch / "killed",
                        std::filesystem::copy_options::recursive);
  for (const char* lost : {"final", "checkpoints/step-4", "checkpoints/step-6"}) {
    EXPECT_GT(std::filesystem::remove_all(scratch / "killed" / lost), 0u) << lost;
  }
  must_run(rl_args(scratch / "killed", more + Args{"--resume", "--compute.threads", "1"}));
  expect_same_run(scratch / "whole", scratch / "killed");
  return lines_of(scratch / "whole" / "metrics.jsonl");
}

TEST(RlPresets, EachRunsWithARatioOfExactlyOneAndResumesExactly) {
  for (const char* preset : {"zero", "r1", "grpo", "dr_grpo", "dapo", "gspo", "gspo_token", "cispo",
                             "rloo", "reinforce_pp", "reinforce_pp_baseline", "v3_2"}) {
    SCOPED_TRACE(preset);
    const Args more{"--preset", preset, "--num_mini_batches", "2", "--ref_model_sync_steps", "0"};
    const auto lines = expect_resumes_exactly(more);
    const bool has_penalty = lines.back().contains("kl");
    EXPECT_EQ(
        has_penalty,
        std::set<std::string>({"dr_grpo", "dapo", "gspo", "gspo_token", "cispo"}).count(preset) ==
            0);
    if (has_penalty) {
      EXPECT_NE(lines.back()["kl"], 0.0);
    }
    for (const Json& line : lines) {
      EXPECT_EQ(line["sampling/importance_sampling_ratio/min"], 1.0);
      EXPECT_EQ(line["sampling/importance_sampling_ratio/max"], 1.0);
      EXPECT_EQ(line["sampling/sampling_logp_difference/max"], 0.0);
    }
  }
}

TEST(RlPresets, StandBelowEveryOtherOptionWhereverTheyAreWritten) {
  const Scratch scratch;
  spill(scratch / "run.toml", "preset = \"dapo\"\nepsilon_high = 0.3\n");
  Args args = rl_args(scratch / "run", {"--config", (scratch / "run.toml").string(), "--epsilon",
                                        "0.1", "--max_steps", "1", "--num_mini_batches", "1"});
  must_run(args);
  const std::string config = slurp(scratch / "run" / "config.toml");
  EXPECT_HAS(config, "dynamic_sampling = true");
  EXPECT_HAS(config, "epsilon_high = 0.3");
  EXPECT_HAS(config, "epsilon = 0.1");
  EXPECT_HAS(config, "soft_overlong = 0.2");
  EXPECT_TRUE(
      lines_of(scratch / "run" / "metrics.jsonl")[0].contains("rewards/soft_overlong/mean"));
  const std::string help = must_run({"rl", "--help"});
  for (const char* name : {"dr_grpo", "dapo", "gspo", "cispo", "rloo", "reinforce_pp", "v3_2"}) {
    EXPECT_HAS(help, name);
  }
  const std::string error = must_fail({"rl", "--preset", "ppo"});
  EXPECT_HAS(error, "unknown preset 'ppo'");
  EXPECT_HAS(error, "clip-higher");
}

TEST(RlPresets, R1sOwnSettingsAreThoseOfThePaper) {
  const Scratch scratch;
  must_run(rl_args(scratch / "run", {"--preset", "r1", "--max_steps", "1"}));
  const std::string config = slurp(scratch / "run" / "config.toml");
  for (const char* line : {"beta = 0.001", "epsilon = 10", "epsilon_high = 10",
                           "num_mini_batches = 16", "ref_model_sync_steps = 25"}) {
    EXPECT_HAS(config, line);
  }
}

TEST(DynamicSampling, DrawsUntilTheBatchIsFullAndNoFurther) {
  // one of ten words decides between 0 and 1: many groups of two have no variance
  const Args more{"--dynamic_sampling",
                  "--num_generations",
                  "2",
                  "--max_completion_length",
                  "2",
                  "--max_num_gen_batches",
                  "5"};
  bool drew_more = false;
  for (const Json& line : expect_resumes_exactly(more)) {
    const int n_batches = line["dynamic_sampling/num_gen_batches"];
    const int n_informative = line["dynamic_sampling/num_informative_groups"];
    EXPECT_GE(n_batches, 1);
    EXPECT_LE(n_batches, 5);
    EXPECT_TRUE(n_informative >= 4 || n_batches == 5) << n_informative << " after " << n_batches;
    drew_more = drew_more || n_batches > 1;
  }
  EXPECT_TRUE(drew_more);
  expect_resumes_exactly(more + Args{"--data", prompts_file().string(), "--train_batch_size", "5"});
}

TEST(CurriculumVerb, DrawsByPassRateAndResumesExactly) {
  const Args more{"--data",    prompts_file().string(), "--curriculum.by",
                  "pass_rate", "--dynamic_sampling",    "--max_num_gen_batches",
                  "2"};
  const Json last = expect_resumes_exactly(more).back();
  const Scratch scratch;
  EXPECT_GT(last["curriculum/num_prompts"], 4);
  EXPECT_GT(last["curriculum/mean_pass_rate"], 0.0);
  EXPECT_LT(last["curriculum/mean_pass_rate"], 1.0);
}

TEST(CurriculumVerb, TheBuiltInTaskThenAsksTheSameProblemsAgain) {
  const Args more{"--curriculum.by", "pass_rate", "--curriculum.num_problems", "6"};
  const Json last = expect_resumes_exactly(more).back();
  EXPECT_EQ(last["curriculum/num_prompts"], 6);
  const Scratch scratch;
  EXPECT_HAS(must_fail(rl_args(scratch / "none", {"--curriculum.num_problems", "0"})),
             "curriculum.num_problems is 0");
}

TEST(RolloutDtype, OtherWeightsSampleAndTheCorrectionSaysByHowMuch) {
  for (const char* dtype : {"bf16", "q8_0", "fp8"}) {
    SCOPED_TRACE(dtype);
    const Args more{"--rollout_dtype",    dtype, "--rollout_correction.rollout_rs", "geometric",
                    "--num_mini_batches", "2"};
    double most = 0;
    for (const Json& line : expect_resumes_exactly(more)) {
      most = std::max(most, line["sampling/sampling_logp_difference/max"].get<double>());
      EXPECT_LE(line["sampling/importance_sampling_ratio/max"], 2.0);
      EXPECT_GE(line["rollout_corr/k3_kl"], 0.0);
      EXPECT_TRUE(line.contains("rollout_corr/rollout_rs_masked_fraction"));
    }
    EXPECT_GT(most, 0);
  }
  const Scratch scratch;
  EXPECT_HAS(must_fail(rl_args(scratch / "run", {"--rollout_dtype", "int4"})), "known: bf16");
  EXPECT_HAS(must_fail(rl_args(scratch / "run2", {"--rollout_dtype", "q8_0", "--lora.r", "2"})),
             "--quantize");
}

TEST(KeptSamplingMaskVerb, IsExactUnderTopP) {
  const Scratch scratch;
  const Args more{"--keep_sampling_mask", "--sampling.top_p", "0.5", "--beta", "0.01"};
  must_run(rl_args(scratch / "run", more));
  const auto lines = lines_of(scratch / "run" / "metrics.jsonl");
  for (const Json& line : lines) EXPECT_EQ(line["sampling/importance_sampling_ratio/max"], 1.0);
  EXPECT_NEAR(lines[0]["kl"].get<double>(), 0, 1e-12);  // of the same tokens: the reference agrees
  EXPECT_GT(lines.back()["kl"], 0.0);
}

TEST(IterativeRl, EachIterationBeginsWithThePolicyAsItsReference) {
  const auto lines = expect_resumes_exactly({"--beta", "0.01", "--ref_model_sync_steps", "3"});
  ASSERT_EQ(lines.size(), 6u);
  for (size_t step = 0; step < 6; ++step) {
    if (step % 3 == 0) {
      EXPECT_EQ(lines[step]["kl"], 0.0) << step;
    } else {
      EXPECT_GT(lines[step]["kl"], 0.0) << step;
    }
  }
}

TEST(LoraRl, TakesTheNewOptions) {
  expect_resumes_exactly({"--lora.r", "2", "--preset", "v3_2", "--ref_model_sync_steps", "0",
                          "--sampling.top_k", "9"});
}

TEST(RlOptions, RefusalsNameTheFieldAndTheRemedy) {
  const Scratch scratch;
  const auto refused = [&](const Args& more) { return must_fail(rl_args(scratch / "run", more)); };
  EXPECT_HAS(refused({"--delta", "1.1"}), "delta is 1.1");
  EXPECT_HAS(refused({"--advantage_estimator", "gae"}), "known: grpo, rloo");
  EXPECT_HAS(refused({"--policy_loss", "gspo"}), "known: ppo_clip");
  EXPECT_HAS(refused({"--kl_estimator", "kl"}), "known: k1");
  EXPECT_HAS(refused({"--loss_type", "cispo"}), "policy_loss cispo");
  EXPECT_HAS(refused({"--max_num_gen_batches", "0"}), "max_num_gen_batches");
  EXPECT_HAS(refused({"--soft_overlong", "2"}), "soft_overlong");
  EXPECT_HAS(refused({"--min_informative_groups", "5"}), "train_batch_size");
  EXPECT_HAS(refused({"--curriculum.by", "level"}), "pass_rate");
  EXPECT_HAS(refused({"--off_policy_mask_threshold", "nan"}), "off_policy_mask_threshold");
  EXPECT_HAS(refused({"--rollout_correction.rollout_is", "all"}), "known: token");
  EXPECT_HAS(refused({"--use_kl_in_reward", "--use_bias_correction_kl", "--beta", "0.1"}),
             "choose one");
  EXPECT_HAS(refused({"--keep_sampling_mask", "--sampling.repetition_penalty", "1.2"}),
             "repetition_penalty");
}

/// The recipe with its two reward models, made as it says.
std::string all_scenarios(const Path& folder) {
  for (const char* part : {"summary", "response"}) {
    const std::string name = part == std::string("summary") ? "helpful" : "harmless";
    const std::string pairs = (folder / (name + ".jsonl")).string();
    must_run({"data", "--split", "preferences", "--n", "20", "--output", pairs});
    must_run({"reward", "train", "--model", tiny_model().string(), "--data", pairs, "--part", part,
              "--output_dir", (folder / name).string(), "--max_steps", "2"});
  }
  std::string recipe = slurp(Path(R1_SOURCE_DIR) / "recipes" / "rl-all-scenarios.toml");
  for (const char* name : {"helpful", "harmless"}) {
    const std::string there = std::string("runs/") + name + "/final";
    const size_t at = recipe.find("\"" + there + "\"");
    EXPECT_NE(at, std::string::npos);
    recipe.replace(at + 1, there.size(), (folder / name / "final").string());
  }
  return recipe;
}

TEST(AllScenarios, TheRecipeRoutesPromptsAndLetsPreferencesInAtTheEnd) {
  const Scratch scratch;
  spill(scratch / "recipe.toml", all_scenarios(scratch.path()));
  const auto args = [&](const char* run) {
    return Args{"rl",
                "--config",
                (scratch / "recipe.toml").string(),
                "--model",
                tiny_model().string(),
                "--data",
                prompts_file().string(),
                "--output_dir",
                (scratch / run).string(),
                "--max_steps",
                "8",
                "--save_steps",
                "3",
                "--save_total_limit",
                "9",
                "--train_batch_size",
                "6",
                "--num_generations",
                "3",
                "--max_completion_length",
                "12",
                "--gradient_checkpointing",
                "false",
                "--num_completions_to_print",
                "6",
                "--ref_model_sync_steps",
                "2"};
  };
  must_run(args("whole"));
  const auto lines = lines_of(scratch / "whole" / "metrics.jsonl");
  ASSERT_EQ(lines.size(), 8u);
  for (size_t step = 0; step < 8; ++step) {
    const bool is_last_part = step >= 7;  // 7 / 8 is over 1300 / 1700, 6 / 8 is not
    for (const char* name : {"rewards/helpful/mean", "rewards/harmless/mean"}) {
      EXPECT_TRUE(is_last_part || lines[step][name].is_null()) << step << " " << name;
    }
    EXPECT_TRUE(is_last_part || !lines[step].contains("reward/helpful"));
    EXPECT_TRUE(lines[step]["rewards/format_r1/mean"].is_number());
    EXPECT_TRUE(lines[step]["rewards/accuracy/mean"].is_number());
  }
  EXPECT_TRUE(lines[7]["rewards/helpful/mean"].is_number() ||
              lines[7]["rewards/harmless/mean"].is_number());
  std::filesystem::copy(scratch / "whole", scratch / "killed",
                        std::filesystem::copy_options::recursive);
  for (const char* lost : {"final", "checkpoints/step-6", "checkpoints/step-8"}) {
    std::filesystem::remove_all(scratch / "killed" / lost);
  }
  must_run(args("killed") + Args{"--resume"});
  expect_same_run(scratch / "whole", scratch / "killed");
}

TEST(AllScenarios, PromptsWhoseRewardsComeLaterAreNotAskedBefore) {
  const Scratch scratch;
  spill(scratch / "run.toml",
        "[[reward]]\nname = \"last_digit_language\"\ntypes = [\"math\"]\n\n"
        "[[reward]]\nname = \"repetition\"\ntypes = [\"helpful\", \"harmless\"]\n"
        "from_step_ratio = 0.5\n");
  const Args more{"--config",
                  (scratch / "run.toml").string(),
                  "--data",
                  prompts_file().string(),
                  "--num_completions_to_print",
                  "4"};
  const auto lines = expect_resumes_exactly(more);
  for (size_t step = 0; step < 6; ++step) {
    const bool asked =
        lines[step].contains("reward/helpful") || lines[step].contains("reward/harmless");
    EXPECT_FALSE(step < 3 && asked) << step;
  }
  EXPECT_TRUE(lines[4].contains("reward/helpful") || lines[4].contains("reward/harmless") ||
              lines[5].contains("reward/helpful") || lines[5].contains("reward/harmless"));
  expect_resumes_exactly(more + Args{"--curriculum.by", "pass_rate"});
  spill(scratch / "never.toml", "[[reward]]\nname = \"repetition\"\nfrom_step_ratio = 0.5\n");
  EXPECT_HAS(must_fail(rl_args(scratch / "never", {"--config", (scratch / "never.toml").string(),
                                                   "--data", prompts_file().string()})),
             "from_step_ratio = 0");
}

}  // namespace
}  // namespace r1
