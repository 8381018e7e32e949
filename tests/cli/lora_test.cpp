// Adapters from the command line: trained, used by every verb that runs a model, refused clearly.
#include <nlohmann/json.hpp>

#include "cli/program.h"

namespace r1 {
namespace {

/// An adapter on the tiny model, made once for the whole test program.
const Path& tiny_adapter() {
  static const Scratch scratch;
  static const Path folder = [] {
    spill(scratch / "rows.jsonl", "{\"prompt\": \"1 a + 2 ?\", \"completion\": \"answer 3\"}\n");
    must_run({"sft", "--model", tiny_model().string(), "--data", (scratch / "rows.jsonl").string(),
              "--output_dir", (scratch / "run").string(), "--lora.r", "2", "--lora.lora_alpha", "4",
              "--lora.target_modules", "q_proj,down_proj", "--max_steps", "5", "--learning_rate",
              "0.05", "--train_batch_size", "1"});
    return scratch / "run" / "final";
  }();
  return folder;
}

Args greedy(const Args& model) {
  return Args{"generate"} + model +
         Args{"--ids", "5,6,7", "--temperature", "0", "--max_tokens", "8", "--json", "--logits"};
}

TEST(Lora, APeftFolderIsAModelAndGoesOnTopOfOne) {
  const std::string base = tiny_model().string(), adapter = tiny_adapter().string();
  const std::string as_model = must_run(greedy({"--model", adapter}));
  EXPECT_EQ(as_model, must_run(greedy({"--model", base, "--adapter", adapter})));
  const auto logits = [](const std::string& json) { return nlohmann::json::parse(json)["logits"]; };
  EXPECT_NE(logits(as_model), logits(must_run(greedy({"--model", base}))));
  const auto config = nlohmann::json::parse(slurp(tiny_adapter() / "adapter_config.json"));
  EXPECT_EQ(config["base_model_name_or_path"], base);
  EXPECT_EQ(config["target_modules"], (nlohmann::json{"down_proj", "q_proj"}));
}

TEST(Lora, EveryVerbThatRunsOrTrainsAModelTakesOne) {
  const Scratch scratch;
  const std::string adapter = tiny_adapter().string();
  EXPECT_HAS(
      must_run({"eval", "--model", adapter, "--limit", "2", "--samples", "1", "--max_tokens", "8"}),
      "pass@1");
  EXPECT_FALSE(
      must_run({"chat", "--model", adapter, "--max_tokens", "4"}, {.input = "1 a\n"}).empty());
  must_run({"rl", "--model", adapter, "--output_dir", (scratch / "rl").string(), "--max_steps", "2",
            "--num_generations", "2", "--train_batch_size", "2", "--max_completion_length", "8",
            "--beta", "0.01", "--reward_funcs", "last_digit_language", "--reward_weights", "1"});
  EXPECT_TRUE(std::filesystem::exists(scratch / "rl" / "final" / "adapter_config.json"));
}

TEST(Lora, SaysWhatLearnsAndHowMuchMemoryItTakes) {
  const Scratch scratch;
  const Outcome run =
      run_r1({"rl", "--model", tiny_model().string(), "--output_dir", (scratch / "run").string(),
              "--max_steps", "1", "--num_generations", "2", "--train_batch_size", "1",
              "--max_completion_length", "4", "--lora.r", "1"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_HAS(run.err, "trainable params: ");
  EXPECT_HAS(run.err, "frozen f32");
  EXPECT_HAS(run.err, "adapters");
}

TEST(Lora, RefusalsNameTheFieldAndTheRemedy) {
  const Scratch scratch;
  const std::string base = tiny_model().string();
  std::filesystem::copy(tiny_adapter(), scratch / "a");
  auto config = nlohmann::json::parse(slurp(scratch / "a" / "adapter_config.json"));
  const auto with = [&](const char* key, const nlohmann::json& value) {
    auto edited = config;
    edited[key] = value;
    spill(scratch / "a" / "adapter_config.json", edited.dump());
    return must_fail(greedy({"--model", (scratch / "a").string()}));
  };
  const std::string lost = with("base_model_name_or_path", "no/such/model");
  EXPECT_HAS(lost, "base_model_name_or_path is 'no/such/model'");
  EXPECT_HAS(lost, "--model BASE --adapter " + (scratch / "a").string());
  EXPECT_HAS(with("use_dora", true), "use_dora = true is not implemented");
  EXPECT_HAS(with("r", 3), "has shape");
  EXPECT_HAS(must_fail(greedy({"--model", base, "--adapter", base})), "no adapter_config.json");
  auto dropping = config;
  dropping["lora_dropout"] = 0.1;
  spill(scratch / "a" / "adapter_config.json", dropping.dump());
  must_run(greedy({"--model", (scratch / "a").string()}));
  EXPECT_HAS(must_fail({"sft", "--model", (scratch / "a").string(), "--data", "x", "--output_dir",
                        (scratch / "run").string()}),
             "lora_dropout is 0.1");
  EXPECT_HAS(must_fail({"sft", "--model", base, "--data", "x", "--output_dir",
                        (scratch / "run").string(), "--quantize", "q8_0"}),
             "set lora.r");
}

TEST(Lora, AKilledRunEndsWithTheSameBits) {
  const Scratch scratch;
  const auto args = [&](const char* run) {
    return Args{"rl",
                "--model",
                tiny_model().string(),
                "--output_dir",
                (scratch / run).string(),
                "--max_steps",
                "30",
                "--save_steps",
                "3",
                "--num_generations",
                "4",
                "--train_batch_size",
                "4",
                "--max_completion_length",
                "24",
                "--beta",
                "0.01",
                "--reward_funcs",
                "last_digit_language",
                "--reward_weights",
                "1",
                "--learning_rate",
                "1e-2",
                "--lora.r",
                "2",
                "--resume"};
  };
  const Outcome whole = run_r1(args("whole"));
  ASSERT_EQ(whole.status, 0) << whole.err;
  run_r1(args("killed"), {.kill_after = 0.6 * whole.seconds});
  must_run(args("killed"));
  for (const char* name : {"final/adapter_model.safetensors", "metrics.jsonl", "samples.jsonl"}) {
    EXPECT_FALSE(slurp(scratch / "whole" / name).empty());
    EXPECT_TRUE(slurp(scratch / "whole" / name) == slurp(scratch / "killed" / name)) << name;
  }
}

}  // namespace
}  // namespace r1
