#include "models/plan_shape.h"

#include <gtest/gtest.h>

#include "models/family.h"
#include "models/golden_fixture.h"
#include "models/published.h"

namespace r1 {
namespace {

ModelShape published(const std::string& name) {
  const auto json = published_config(name);
  EXPECT_TRUE(json) << json.error().message;
  const auto config = read_model_config(*json);
  EXPECT_TRUE(config) << config.error().message;
  return ModelShape(*config);
}

CacheForm form(const ModelShape& shape, const std::string& key) {
  for (const CacheForm& f : cache_forms(shape.config)) {
    if (f.key == key) return f;
  }
  ADD_FAILURE() << key;
  return {};
}

TEST(PlanShape, TotalsAreThoseOfTheReleasedModels) {
  EXPECT_EQ(published("deepseek-v3").total(), 671'026'419'200);
  EXPECT_EQ(published("deepseek-v2").total(), 235'741'434'880);
  EXPECT_EQ(published("deepseek-v2-lite").total(), 15'706'484'224);
  EXPECT_EQ(published("llama-3.1-405b").total(), 405'853'388'800);
  EXPECT_EQ(published("qwen2.5-72b").total(), 72'706'203'648);
}

TEST(PlanShape, V3CountsItsBlocksMtpAndActivatedParameters) {
  const ModelShape v3 = published("deepseek-v3");
  ASSERT_EQ(v3.blocks.size(), 61u);
  EXPECT_EQ(v3.blocks[0].total(), 583'483'392);
  EXPECT_EQ(v3.blocks[60].total(), 11'507'286'272);
  EXPECT_EQ(v3.embedding + v3.head + v3.final_norm, 1'853'365'248);
  EXPECT_EQ(v3.mtp_total(), int64_t{11'507'286'272} + 2 * 7168 * 7168 + 3 * 7168);
  EXPECT_EQ(v3.total() + v3.mtp_total(), 682'636'487'424);
  EXPECT_EQ(v3.stored_total(), 684'489'845'504);  // 685B on the hub
  EXPECT_EQ(v3.activated(), 37'552'297'472);
  EXPECT_EQ(v3.multiplied(), v3.activated() - int64_t{129'280} * 7168);
}

TEST(PlanShape, OtherNamesMeanTheSameShapes) {
  for (const char* name : {"671b", "671B", "deepseek-r1", "DeepSeek-R1-Zero"}) {
    EXPECT_EQ(published_name(name), "deepseek-v3") << name;
  }
  EXPECT_EQ(published_name("16b"), "deepseek-v2-lite");
  EXPECT_EQ(published_name("gpt-2"), "");
  const auto wrong = published_config("gpt-2");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("deepseek-v2-lite, deepseek-v2"), std::string::npos)
      << wrong.error().message;
}

TEST(PlanShape, BlocksAndWordsAddUpToTheWholeForEveryFamily) {
  for (const char* name : {"llama3", "qwen2", "qwen3", "qwen3_moe", "deepseek_v2_lite",
                           "deepseek_v2", "deepseek_v3"}) {
    const ModelShape shape(open_config(golden_root() / name).value());
    int64_t sum = shape.embedding + shape.head + shape.final_norm;
    for (const BlockCount& block : shape.blocks) sum += block.total();
    EXPECT_EQ(sum, shape.total()) << name;
  }
}

TEST(PlanShape, FlopsOfATokenAreTwiceWhatItMeets) {
  const ModelShape v3 = published("deepseek-v3");
  int64_t vectors = 0;
  for (const BlockCount& block : v3.blocks) vectors += block.vectors;
  EXPECT_EQ(v3.flops.matrices(),
            2.0 * static_cast<double>(v3.multiplied() - vectors - v3.final_norm));
  EXPECT_EQ(v3.flops.per_key, 2.0 * 61 * 128 * (192 + 128));
  // DeepSeek's own count at 4096 tokens: 250 GFLOP for V3 and 155 for V2, trained, causal.
  EXPECT_NEAR(v3.flops.train(4096, false) / 1e9, 250, 0.5);
  EXPECT_NEAR(published("deepseek-v2").flops.train(4096, false) / 1e9, 155, 0.5);
}

TEST(PlanShape, CausalTokensSeeHalfTheKeysAndTheirOwn) {
  TokenFlops flops;
  flops.head = 10;
  flops.per_key = 4;
  EXPECT_EQ(flops.forward(1, false), 14);
  EXPECT_EQ(flops.forward(1, true), 14);
  EXPECT_EQ(flops.forward(3, false), 10 + 4 * 2);
  EXPECT_EQ(flops.forward(3, true), 10 + 4 * 3);
  EXPECT_EQ(flops.train(3, true), 3 * 22);
}

TEST(PlanShape, CacheBytesAndReductionsAreThePublishedOnes) {
  const ModelShape v3 = published("deepseek-v3"), v2 = published("deepseek-v2");
  const ModelShape lite = published("deepseek-v2-lite");
  EXPECT_EQ(form(v3, "mla").elements * 61 * 2, 70'272);
  EXPECT_EQ(form(v3, "mha").elements, 40'960);
  EXPECT_EQ(form(published("qwen2.5-72b"), "gqa").elements * 80 * 2, 327'680);
  EXPECT_EQ(form(published("llama-3.1-405b"), "gqa").elements * 126 * 2, 516'096);
  // V2 against DeepSeek 67B: 93.3 % less, with V2's elements in 6 bits.
  const double v2_bytes = static_cast<double>(form(v2, "mla").elements) * 60 * 6 / 8;
  const double dense_bytes = static_cast<double>(form(published("67b"), "gqa").elements) * 95 * 2;
  EXPECT_NEAR(1 - v2_bytes / dense_bytes, 0.933, 0.0005);
  // The 16B ablation: 15.6K elements of 110.6K, 14 %.
  EXPECT_EQ(form(lite, "mla").elements * 27, 15'552);
  EXPECT_EQ(form(lite, "mha_plain").elements * 27, 110'592);
  EXPECT_EQ(static_cast<double>(form(v2, "mla").elements) / (2 * 128), 2.25);  // groups
}

TEST(PlanShape, TiedWordsMultiplyOnceAndCountOnce) {
  const char* text = R"({"architectures": ["LlamaForCausalLM"], "vocab_size": 32,
    "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 16, "tie_word_embeddings": true})";
  const ModelShape tied(read_model_config(text).value());
  EXPECT_EQ(tied.embedding, 32 * 8);
  EXPECT_EQ(tied.head, 0);
  EXPECT_EQ(tied.multiplied(), tied.activated());
  EXPECT_EQ(tied.flops.head, 2.0 * 32 * 8);
}

}  // namespace
}  // namespace r1
