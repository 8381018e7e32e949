// The sampler's copy of the weights is what an inference engine would load from a quantised file.
#include "train/rollout_model.h"

#include "checkpoint/fixtures.h"
#include "models/model_io.h"
#include "models/tiny_model.h"
#include "nn/fixtures.h"
#include "train/learner.h"

namespace r1 {
namespace {

/// Widths that blocks of 32 fit into; the last matrix has rows that they do not.
ModelConfig block_config() {
  ModelConfig c = tiny_config();
  c.d_model = 64;
  c.n_heads = 4;
  c.head_dim = 16;
  c.d_ff = 80;  // down_proj stays as it is
  return c;
}

Floats logp_of(const Transformer& model) {
  TokenSequence s;
  for (int64_t t = 0; t < 50; ++t) s.tokens.push_back(static_cast<int32_t>((t * t) % 69));
  s.weights.assign(50, 1.0f);
  Bench bench;
  return score_batch(model, Batch({&s}), 1.0f, bench.ctx);
}

constexpr const char* kConfigJson = R"({
  "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 69,
  "hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
  "head_dim": 16, "intermediate_size": 80, "max_position_embeddings": 256, "rope_theta": 1000.0,
  "rms_norm_eps": 1e-6, "tie_word_embeddings": false, "eos_token_id": 1})";

TEST(RolloutModel, HasTheBitsOfTheSameWeightsLoadedInThatType) {
  const Launch launch = best_launch(2);
  const TestFolder folder;
  write_bytes(folder.path / "config.json", kConfigJson);
  const auto config = open_config(folder.path);
  ASSERT_TRUE(ok(config));
  const auto learner = random_model(*config, Dtype::kF32, launch);
  ASSERT_TRUE(ok(save_model(folder.path, *learner, {{"config.json", kConfigJson}})));
  const Floats own = logp_of(*learner);
  for (const std::string dtype : {"bf16", "f16", "q8_0", "q4_0", "fp8"}) {
    const auto copy = make_rollout_model(*learner, dtype, false);
    ASSERT_TRUE(ok(copy));
    copy_rounded(**copy, *learner, launch);
    LoadOptions options{.dtype = dtype};
    if (dtype.starts_with("q")) options.dtype = "f32", options.quantize = dtype;
    if (dtype == "fp8") options.use = StoreUse::kTraining;  // nothing else is loaded in it
    const auto loaded = load_model(folder.path, options, launch);
    ASSERT_TRUE(ok(loaded));
    EXPECT_TRUE(equal_bits(logp_of(**copy), logp_of(*loaded->model))) << dtype;
    EXPECT_FALSE(equal_bits(logp_of(**copy), own)) << dtype;
  }
}

TEST(RolloutModel, FollowsTheLearner) {
  const Launch launch = best_launch();
  const auto learner = random_model(block_config(), Dtype::kBF16, launch);
  for (const char* dtype : {"q8_0", "fp8"}) {
    const auto copy = make_rollout_model(*learner, dtype, false);
    ASSERT_TRUE(ok(copy));
    copy_rounded(**copy, *learner, launch);
    const Floats before = logp_of(**copy);
    Tensor masters = learner->store().masters();
    for (int64_t i = 0; i < masters.numel(); ++i) masters.f32()[i] *= 1.125f;
    learner->refresh(launch);
    EXPECT_TRUE(equal_bits(before, logp_of(**copy)));
    copy_rounded(**copy, *learner, launch);
    EXPECT_FALSE(equal_bits(before, logp_of(**copy)));
  }
}

TEST(RolloutModel, RefusesWhatItIsNotFor) {
  const auto learner = random_model(block_config(), Dtype::kF32, best_launch());
  EXPECT_EQ(make_rollout_model(*learner, "int8", false).error().message,
            "rollout_dtype is 'int8'; known: bf16, f16, q8_0, q4_0, fp8");
  EXPECT_FALSE(make_rollout_model(*learner, "f32", false));
}

}  // namespace
}  // namespace r1
