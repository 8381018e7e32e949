// Whole stages of a model with experts: resuming ends in the same bits, biases and loads included,
// and only pretraining moves a bias.
#include "checkpoint/fixtures.h"
#include "models/model_io.h"
#include "nn/fixtures.h"
#include "train/pretrain.h"

namespace r1 {
namespace {

class MoeStage : public testing::Test {
 protected:
  MoeStage() { set_log_level(LogLevel::kQuiet); }
  ~MoeStage() override { set_log_level(LogLevel::kInfo); }

  PretrainConfig config(const std::string& run, int64_t max_steps) const {
    PretrainConfig c;
    NewModel& m = c.new_model;
    m.architecture = "deepseek_v3";
    m.d_model = 32, m.n_layers = 2, m.n_heads = 2, m.d_ff = 48;
    m.kv_lora_rank = 16, m.qk_nope_head_dim = 8, m.v_head_dim = 8;
    m.n_routed_experts = 4, m.moe_intermediate_size = 16;
    c.tokens_per_step = 256;
    c.balance.bias_update_share = 1.0;
    c.train.output_dir = (folder_.path / run).string();
    c.train.learning_rate = 3e-3;
    c.train.max_steps = max_steps;
    c.train.micro_batch_tokens = 200;
    c.train.save_steps = 3;
    c.train.compute.threads = 2;
    return c;
  }
  std::string bytes(const std::string& run, const char* file) const {
    const std::string text = read_bytes(folder_.path / run / file);
    EXPECT_FALSE(text.empty()) << file;
    return text;
  }
  Floats bias(const std::string& folder) const {
    const auto loaded =
        load_model(folder, {.dtype = "f32", .use = StoreUse::kTraining}, best_launch());
    EXPECT_TRUE(loaded) << loaded.error().message;
    return floats_of(loaded->model->mixtures()[0]->e_score_correction_bias.weight);
  }

  TestFolder folder_;
};

TEST_F(MoeStage, AResumedRunEndsInTheSameBits) {
  ASSERT_TRUE(pretrain(config("whole", 6)));
  ASSERT_TRUE(pretrain(config("half", 3)));
  PretrainConfig more = config("half", 6);
  more.train.resume = true;
  const auto report = pretrain(more);
  ASSERT_TRUE(report) << report.error().message;
  for (const char* file : {"final/model.safetensors", "metrics.jsonl", "experts.jsonl"}) {
    EXPECT_EQ(bytes("half", file), bytes("whole", file)) << file;
  }
  const Floats b = bias(report->model);
  EXPECT_NE(b, Floats(4, 0.0f));
  for (float x : b) EXPECT_LE(std::abs(x), 6 * 0.0011f);
}

TEST_F(MoeStage, RecomputedActivationsAndOneThreadLeaveTheSameModelAndLoads) {
  ASSERT_TRUE(pretrain(config("kept", 3)));
  PretrainConfig again = config("again", 3);
  again.train.gradient_checkpointing = true;
  again.train.compute.threads = 1;
  ASSERT_TRUE(pretrain(again));
  for (const char* file : {"final/model.safetensors", "metrics.jsonl", "experts.jsonl"}) {
    EXPECT_EQ(bytes("again", file), bytes("kept", file)) << file;
  }
}

TEST_F(MoeStage, FineTuningLeavesTheBiasAsItIs) {
  const auto base = pretrain(config("base", 3));
  ASSERT_TRUE(base) << base.error().message;
  SftConfig sft_config;
  sft_config.model = base->model;
  sft_config.data = (folder_.path / "chats.jsonl").string();
  write_bytes(sft_config.data,
              "{\"prompt\":\"8 a + 4 ?\",\"completion\":\"<answer> 2 </answer>\"}\n");
  sft_config.train_batch_size = 1;
  sft_config.train = config("sft", 3).train;
  const auto tuned = sft(sft_config);
  ASSERT_TRUE(tuned) << tuned.error().message;
  EXPECT_EQ(bias(tuned->model), bias(base->model));
  EXPECT_NE(bytes("sft", "metrics.jsonl").find("moe/max_violation"), std::string::npos);
}

}  // namespace
}  // namespace r1
