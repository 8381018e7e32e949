// Stages that train an adapter: what they write, that they resume to the same bits, that the frozen
// base is the reference, and that their memory is what was planned.
#include "checkpoint/fixtures.h"
#include "data/packing.h"
#include "models/tiny_model.h"
#include "nn/fixtures.h"
#include "train/grpo.h"
#include "train/memory.h"
#include "train/objectives.h"

namespace r1 {
namespace {

class LoraStage : public testing::Test {
 protected:
  LoraStage() {
    set_log_level(LogLevel::kQuiet);
    PretrainConfig c;
    c.new_model.d_model = 32;
    c.new_model.n_layers = 2;
    c.new_model.n_heads = 2;
    c.new_model.n_kv_heads = 1;
    c.new_model.d_ff = 64;
    c.tokens_per_step = 256;
    c.train = arguments("base", 4);
    EXPECT_TRUE(ok(pretrain(c)));
    std::string rows;
    for (const char* digit : {"1", "2", "3", "4", "5"}) {
      rows += fmt::format("{{\"prompt\": \"{} a + {} ?\", \"completion\": \"answer {}\"}}\n", digit,
                          digit, digit);
    }
    write_bytes(at("rows.jsonl"), rows);
  }
  ~LoraStage() override { set_log_level(LogLevel::kInfo); }

  Path at(const std::string& name) const { return folder_.path / name; }
  Path base() const { return at("base") / "final"; }

  TrainingArguments arguments(const std::string& run, int64_t max_steps) const {
    TrainingArguments a;
    a.output_dir = at(run).string();
    a.seed = 3;
    a.learning_rate = 3e-3;
    a.max_steps = max_steps;
    a.micro_batch_tokens = 200;
    a.save_steps = 4;
    a.save_total_limit = 10;
    a.compute.threads = 2;
    return a;
  }

  SftConfig sft_config(const std::string& run, int64_t r = 4) const {
    SftConfig c;
    c.model = base().string();
    c.data = at("rows.jsonl").string();
    c.train_batch_size = 3;
    c.adapters.lora.r = r;
    c.train = arguments(run, 12);
    c.train.learning_rate = 1e-2;
    return c;
  }

  GrpoConfig grpo_config(const std::string& run) const {
    GrpoConfig c;
    c.model = base().string();
    c.train_batch_size = 3;
    c.num_generations = 4;
    c.max_completion_length = 12;
    c.reward_funcs = {"last_digit_language"};
    c.reward_weights = {1.0};
    c.beta = 0.01;
    c.num_iterations = 2;
    c.engine.max_sequences = 5;
    c.adapters.lora.r = 4;
    c.train = arguments(run, 4);
    c.train.save_steps = 2;
    return c;
  }

  /// A copy of a run as a kill would leave it, with no checkpoint past `step`.
  void copy_killed(const std::string& from, const std::string& to, int64_t step) const {
    std::filesystem::copy(at(from), at(to), std::filesystem::copy_options::recursive);
    std::filesystem::remove_all(at(to) / "final");
    for (const std::string& name : files_in(at(to) / "checkpoints")) {
      if (std::stoll(name.substr(name.find('-') + 1)) > step)
        std::filesystem::remove_all(at(to) / "checkpoints" / name);
    }
  }

  std::string adapter_of(const std::string& run) const {
    const std::string bytes = read_bytes(at(run) / "final" / "adapter_model.safetensors");
    EXPECT_GT(bytes.size(), 1000u) << run;
    return bytes;
  }

  void expect_same_run(const std::string& a, const std::string& b) const {
    EXPECT_TRUE(adapter_of(a) == adapter_of(b)) << "the adapters differ";
    EXPECT_EQ(read_bytes(at(a) / "metrics.jsonl"), read_bytes(at(b) / "metrics.jsonl"));
  }

  double metric(const std::string& run, size_t line, const std::string& name) const {
    const auto metrics = read_metrics(at(run));
    EXPECT_TRUE(ok(metrics));
    for (const auto& [key, value] : metrics->at(line).second) {
      if (key == name) return value;
    }
    ADD_FAILURE() << run << " has no " << name;
    return 0;
  }

  TestFolder folder_;
};

TEST_F(LoraStage, SftWritesAPeftFolderThatLearnedAndResumesToTheSameBits) {
  for (const char* quantize : {"", "q8_0"}) {
    const std::string whole = std::string("whole") + quantize, killed = whole + "-killed";
    SftConfig c = sft_config(whole);
    c.adapters.quantize = quantize;
    ASSERT_TRUE(ok(sft(c)));
    EXPECT_LT(metric(whole, 11, "loss"), 0.8 * metric(whole, 0, "loss"));
    EXPECT_EQ(files_in(at(whole) / "final"),
              (std::vector<std::string>{"adapter_config.json", "adapter_model.safetensors",
                                        "tokenizer.json", "tokenizer_config.json"}));
    copy_killed(whole, killed, 8);
    c.train.output_dir = at(killed).string();
    c.train.resume = true;
    c.train.compute.threads = 1;
    c.train.gradient_checkpointing = true;
    ASSERT_TRUE(ok(sft(c)));
    expect_same_run(whole, killed);
  }
}

TEST_F(LoraStage, GrpoStartsAtItsReferenceAndResumesToTheSameBits) {
  // each CHECKs that every ratio begins at 1
  for (const char* type : {"f32", "bf16", "f16", "q8_0", "q4_0"}) {
    const std::string whole = std::string("rl") + type, killed = whole + "-killed";
    GrpoConfig c = grpo_config(whole);
    (*type == 'q' ? c.adapters.quantize : c.train.dtype) = type;
    c.num_iterations = 1;
    ASSERT_TRUE(ok(grpo(c)));
    EXPECT_EQ(metric(whole, 0, "kl"), 0.0);  // a new adapter is the base, bit for bit
    EXPECT_GT(metric(whole, 3, "kl"), 0.0);
    for (size_t step : {0, 3}) {
      EXPECT_EQ(metric(whole, step, "sampling/importance_sampling_ratio/min"), 1.0);
      EXPECT_EQ(metric(whole, step, "sampling/importance_sampling_ratio/max"), 1.0);
      EXPECT_EQ(metric(whole, step, "sampling/sampling_logp_difference/max"), 0.0);
    }
    copy_killed(whole, killed, 2);
    c.train.output_dir = at(killed).string();
    c.train.resume = true;
    c.train.compute.threads = 1;
    c.engine.max_sequences = 64;
    ASSERT_TRUE(ok(grpo(c)));
    expect_same_run(whole, killed);
  }
}

TEST_F(LoraStage, AnAdapterGoesOnLearningWhicheverWayItIsNamed) {
  ASSERT_TRUE(ok(sft(sft_config("first"))));
  SftConfig c = sft_config("second", 0);
  c.model = (at("first") / "final").string();
  ASSERT_TRUE(ok(sft(c)));
  EXPECT_LT(metric("second", 11, "loss"), metric("first", 11, "loss"));
  const std::string config = read_bytes(at("second") / "final" / "adapter_config.json");
  EXPECT_TRUE(contains(config, base().string())) << config;  // the base, not the first adapter
  SftConfig d = sft_config("third", 0);
  d.adapters.adapter = (at("first") / "final").string();
  ASSERT_TRUE(ok(sft(d)));
  expect_same_run("second", "third");
}

TEST_F(LoraStage, RefusesOptionsThatExcludeEachOther) {
  ASSERT_TRUE(ok(sft(sft_config("run"))));
  const std::string adapter = (at("run") / "final").string();
  const auto refused = [&](const std::function<void(SftConfig&)>& edit, const char* part) {
    SftConfig c = sft_config("other");
    edit(c);
    expect_error(sft(c), {part});
    EXPECT_FALSE(std::filesystem::exists(at("other") / "checkpoints"));
  };
  refused([](SftConfig& c) { c.adapters.quantize = "q8_0", c.adapters.lora.r = 0; }, "set lora.r");
  refused([](SftConfig& c) { c.adapters.quantize = "q9"; }, "q9");
  refused([](SftConfig& c) { c.adapters.lora.r = -1; }, "lora.r is -1");
  refused([](SftConfig& c) { c.adapters.lora.target_modules = {"q"}; }, "is called 'q'");
  refused([&](SftConfig& c) { c.model = adapter; }, "lora.r begins a new adapter");
  refused([&](SftConfig& c) { c.adapters.adapter = adapter; }, "lora.r begins a new adapter");
  refused([&](SftConfig& c) { c.adapters.adapter = at("none").string(), c.adapters.lora.r = 0; },
          "no adapter_config.json");
  PretrainConfig whole;
  whole.model = adapter;
  whole.train = arguments("other", 1);
  expect_error(pretrain(whole), {"an adapter, and a model is needed here"});
  SftConfig over = sft_config("run", 0);
  over.model = adapter;
  over.train.overwrite = true;
  expect_error(sft(over), {"--overwrite would delete the model"});
  GrpoConfig synced = grpo_config("rl");
  synced.ref_model_sync_steps = 2;
  expect_error(grpo(synced), {"ref_model_sync_steps is 2", "set it to 0"});

  SftConfig resumed = sft_config("run", 0);
  resumed.train.resume = true;
  expect_error(sft(resumed), {"trains an adapter"});
  resumed.adapters.lora.r = 8;
  expect_error(sft(resumed), {"its adapter has r 4"});
  ASSERT_TRUE(ok(sft(sft_config("dense", 0))));
  resumed.train.output_dir = at("dense").string();
  expect_error(sft(resumed), {"trains all weights"});
}

TEST(LoraMemory, ThePlanIsWhatATrainingStepTakes) {
  ModelConfig config = tiny_config();
  config.d_model = 64;
  config.head_dim = 16;
  Transformer model(config, Dtype::kBF16, StoreUse::kInference,
                    [](const Parameter& p) { return p.quantizes ? Dtype::kQ8_0 : Dtype::kBF16; });
  ASSERT_TRUE(ok(model.adapt({.r = 3}, 1)));
  model.refresh(best_launch());
  Learner learner(model, {}, Dtype::kBF16, false, best_launch());
  TokenSequence s;
  s.tokens.assign(65, 3);
  s.weights.assign(65, 1.0f);
  const auto nothing = [](const TokenView&) {};
  ASSERT_TRUE(ok(learner.accumulate(Batch({&s, &s}), 1.0f, nothing)));
  TrainingArguments args;
  args.micro_batch_tokens = 128;
  const MemoryPlan plan = plan_training(model, Dtype::kBF16, args, 64);
  std::map<std::string, int64_t> parts(plan.parts.begin(), plan.parts.end());
  EXPECT_EQ(parts.at("activations"), static_cast<int64_t>(learner.arena().peak()));
  EXPECT_EQ(parts.at("gradients"), 4 * model.trained().numel());
  EXPECT_EQ(parts.at("optimizer"), 8 * model.trained().numel());
  EXPECT_EQ(parts.at("adapters"), 4 * model.trained().numel() + model.adapter_panel_bytes());
  // d_ff is no multiple of 32: down_proj stays bf16; panels are rounded up to whole cache lines
  EXPECT_EQ(parts.at("frozen bf16"), 3 * 64 * 80 * 2);
  EXPECT_NEAR(static_cast<double>(parts.at("frozen bf16") + parts.at("frozen q8_0")),
              static_cast<double>(model.panel_bytes()),
              64.0 * static_cast<double>(model.store().parameters().size()));
  EXPECT_EQ(describe_trainable(model).substr(0, 18), "trainable params: ");
}

TEST(LoraMemory, AFullModelsPlanIsAsBefore) {
  const auto model = random_model(tiny_config(), Dtype::kF32, best_launch());
  const TrainingArguments args;
  EXPECT_EQ(plan_training(*model, Dtype::kF32, args, 64).parts,
            plan_training(tiny_config(), Dtype::kF32, Dtype::kF32, args, 64).parts);
}

}  // namespace
}  // namespace r1
