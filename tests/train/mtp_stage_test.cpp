// Stages of a model with MTP modules: metrics, what learns, and rollouts with speculation.
#include "checkpoint/fixtures.h"
#include "models/model_io.h"
#include "nn/fixtures.h"
#include "train/grpo.h"
#include "train/pretrain.h"

namespace r1 {
namespace {

class MtpStage : public testing::Test {
 protected:
  MtpStage() { set_log_level(LogLevel::kQuiet); }
  ~MtpStage() override { set_log_level(LogLevel::kInfo); }

  Path at(const std::string& name) const { return folder_.path / name; }

  TrainingArguments arguments(const std::string& run, int64_t max_steps) const {
    TrainingArguments a;
    a.output_dir = at(run).string();
    a.seed = 3;
    a.dtype = "f32";
    a.learning_rate = 3e-3;
    a.max_steps = max_steps;
    a.micro_batch_tokens = 200;
    a.save_steps = 2;
    a.optimizer.weight_decay = 0.1f;
    a.compute.threads = 2;
    return a;
  }

  PretrainConfig pretrain_config(const std::string& run) const {
    PretrainConfig c;
    NewModel& m = c.new_model;
    m.architecture = "deepseek_v3";
    m.d_model = 32, m.n_layers = 2, m.n_heads = 2, m.d_ff = 48;
    m.kv_lora_rank = 16, m.qk_nope_head_dim = 8, m.qk_rope_head_dim = 4, m.v_head_dim = 8;
    m.n_routed_experts = 4, m.num_experts_per_tok = 2, m.moe_intermediate_size = 16;
    m.first_k_dense_replace = 1;
    m.num_nextn_predict_layers = 1;
    c.tokens_per_step = 256;
    c.train = arguments(run, 4);
    return c;
  }

  GrpoConfig grpo_config(const std::string& run) const {
    GrpoConfig c;
    c.model = (at("base") / "final").string();
    c.train_batch_size = 2;
    c.num_generations = 4;
    c.max_completion_length = 12;
    c.reward_funcs = {"last_digit_language"};
    c.reward_weights = {1.0};
    c.beta = 0.01;
    c.engine.max_sequences = 3;
    c.train = arguments(run, 2);
    return c;
  }

  std::string bytes(const std::string& run) const {
    return read_bytes(at(run) / "final" / "model.safetensors");
  }
  std::string metrics(const std::string& run) const {
    return read_bytes(at(run) / "metrics.jsonl");
  }
  /// The values of a run's tensors whose names begin so, one after the other.
  std::string tensors(const std::string& run, const std::string& prefix) const {
    const Source source = Source::open(at(run) / "final").value();
    std::string all;
    for (const StoredTensor& t : source.tensors()) {
      if (!t.name.starts_with(prefix)) continue;
      if (t.name.ends_with("embed_tokens.weight") || t.name.ends_with("head.weight")) continue;
      all.append(reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size());
    }
    EXPECT_FALSE(all.empty());
    return all;
  }

  TestFolder folder_;
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(MtpStage, PretrainingResumesAndSpeculatingRolloutsAreThePlainOnes) {
  ASSERT_TRUE(ok(pretrain(pretrain_config("base"))));
  EXPECT_TRUE(has(metrics("base"), "\"mtp_loss\":"));
  EXPECT_TRUE(has(metrics("base"), "\"mtp_accuracy\":"));

  // interrupted after step 2
  std::filesystem::copy(at("base"), at("again"), std::filesystem::copy_options::recursive);
  std::filesystem::remove_all(at("again") / "final");
  std::filesystem::remove_all(at("again") / "checkpoints" / "step-4");
  PretrainConfig again = pretrain_config("again");
  again.train.resume = true;
  ASSERT_TRUE(ok(pretrain(again)));
  EXPECT_TRUE(bytes("again") == bytes("base"));
  EXPECT_EQ(metrics("again"), metrics("base"));

  ASSERT_TRUE(ok(grpo(grpo_config("plain"))));
  EXPECT_FALSE(has(metrics("plain"), "spec/acceptance_rate"));
  GrpoConfig guessing = grpo_config("guessing");
  guessing.engine.speculate = 2;
  ASSERT_TRUE(ok(grpo(guessing)));
  EXPECT_TRUE(bytes("plain") == bytes("guessing"));
  EXPECT_EQ(read_bytes(at("plain") / "samples.jsonl"),
            read_bytes(at("guessing") / "samples.jsonl"));
  EXPECT_TRUE(has(metrics("guessing"), "spec/acceptance_rate"));

  // modules that do not learn stay as they are; those that do have no part in the policy's step
  const std::string module = "model.layers.2.";
  EXPECT_TRUE(tensors("base", module) == tensors("plain", module));
  EXPECT_FALSE(tensors("base", "model.layers.0.") == tensors("plain", "model.layers.0."));
  GrpoConfig teaching = grpo_config("teaching");
  teaching.mtp_loss_weight = 0.1;
  teaching.train.optimizer.max_grad_norm = 0;
  GrpoConfig alone = grpo_config("alone");
  alone.train.optimizer.max_grad_norm = 0;
  ASSERT_TRUE(ok(grpo(teaching)));
  ASSERT_TRUE(ok(grpo(alone)));
  EXPECT_TRUE(has(metrics("teaching"), "\"mtp_loss\":"));
  EXPECT_FALSE(tensors("base", module) == tensors("teaching", module));
  EXPECT_TRUE(tensors("alone", "model.layers.0.") == tensors("teaching", "model.layers.0."));
}

TEST_F(MtpStage, AModelWithoutModulesIsRefusedInPlainWords) {
  PretrainConfig base = pretrain_config("base");
  base.new_model.num_nextn_predict_layers = 0;
  base.train.max_steps = 1;
  ASSERT_TRUE(ok(pretrain(base)));
  EXPECT_FALSE(has(metrics("base"), "mtp"));
  GrpoConfig guessing = grpo_config("guessing");
  guessing.engine.speculate = 1;
  const auto refused = grpo(guessing);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(has(refused.error().message, "speculate is 1, but the model has no module"));
  GrpoConfig teaching = grpo_config("teaching");
  teaching.mtp_loss_weight = 0.1;
  const auto also = grpo(teaching);
  ASSERT_FALSE(also);
  EXPECT_TRUE(has(also.error().message, "mtp_loss_weight is 0.1, but the model has no module"));
}

}  // namespace
}  // namespace r1
