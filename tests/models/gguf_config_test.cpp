// config.json and metadata: known answers, and what is refused.
#include "models/gguf_config.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace r1 {
namespace {

using Json = nlohmann::json;

Json llama3() {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"hidden_size", 64},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 2},
          {"head_dim", 16},
          {"intermediate_size", 96},
          {"vocab_size", 100},
          {"max_position_embeddings", 131072},
          {"rms_norm_eps", 1e-5},
          {"rope_theta", 500000.0},
          {"rope_scaling",
           {{"rope_type", "llama3"},
            {"factor", 8.0},
            {"low_freq_factor", 1.0},
            {"high_freq_factor", 4.0},
            {"original_max_position_embeddings", 8192}}}};
}

TEST(GgufConfig, LlamaKeys) {
  const auto metadata = gguf_metadata_of_config(llama3().dump(), false);
  ASSERT_TRUE(metadata) << metadata.error().message;
  EXPECT_EQ(*metadata->text("general.architecture"), "llama");
  EXPECT_EQ(metadata->integer("llama.block_count"), 2);
  EXPECT_EQ(metadata->integer("llama.attention.head_count_kv"), 2);
  EXPECT_EQ(metadata->integer("llama.attention.key_length"), 16);
  EXPECT_EQ(metadata->integer("llama.rope.dimension_count"), 16);
  EXPECT_EQ(metadata->number("llama.rope.freq_base"), 500000.0);
  EXPECT_EQ(metadata->find("llama.rope.scaling.type"), nullptr);  // a tensor says it
}

TEST(GgufConfig, Llama3FactorsDivideLowFrequenciesOnly) {
  const std::vector<float> f = llama3_rope_factors(500000, 128, 8, 1, 4, 8192);
  ASSERT_EQ(f.size(), 64u);
  EXPECT_EQ(f[0], 1.0f);
  EXPECT_EQ(f[63], 8.0f);
  // By hand: i = 32 turns 8192 / (2 pi 500000^0.5) = 1.8438 times, smooth = 0.28127.
  EXPECT_NEAR(f[32], 1 / ((1 - 0.281269) / 8 + 0.281269), 1e-4);
}

TEST(GgufConfig, Llama3ScalingIsFoundAgainInTheFactors) {
  auto metadata = gguf_metadata_of_config(llama3().dump(), false);
  ASSERT_TRUE(metadata);
  // As llama.cpp's converter writes it: without the numbers.
  std::erase_if(metadata->entries,
                [](const auto& e) { return e.first.find("scaling") != e.first.npos; });
  GgufFacts facts;
  facts.vocab_size = 100;
  facts.torch_dtype = "bfloat16";
  facts.rope_factors = read_gguf_shape(llama3().dump())->rope_factors;
  const auto text = config_of_gguf_metadata(*metadata, facts);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(Json::parse(*text)["rope_scaling"], llama3()["rope_scaling"]);
  facts.rope_factors[5] = 3;
  const auto odd = config_of_gguf_metadata(*metadata, facts);
  ASSERT_FALSE(odd);
  EXPECT_NE(odd.error().message.find("rope_freqs.weight"), std::string::npos);
}

TEST(GgufConfig, DeepSeekKeysAreLlamaCpps) {
  const Json config = {{"architectures", {"DeepseekV3ForCausalLM"}},
                       {"hidden_size", 7168},
                       {"num_hidden_layers", 61},
                       {"num_nextn_predict_layers", 1},
                       {"num_attention_heads", 128},
                       {"num_key_value_heads", 128},
                       {"intermediate_size", 18432},
                       {"moe_intermediate_size", 2048},
                       {"vocab_size", 129280},
                       {"max_position_embeddings", 163840},
                       {"q_lora_rank", 1536},
                       {"kv_lora_rank", 512},
                       {"qk_nope_head_dim", 128},
                       {"qk_rope_head_dim", 64},
                       {"v_head_dim", 128},
                       {"n_routed_experts", 256},
                       {"n_shared_experts", 1},
                       {"num_experts_per_tok", 8},
                       {"n_group", 8},
                       {"topk_group", 4},
                       {"first_k_dense_replace", 3},
                       {"routed_scaling_factor", 2.5},
                       {"norm_topk_prob", true},
                       {"scoring_func", "sigmoid"},
                       {"topk_method", "noaux_tc"},
                       {"rope_theta", 10000},
                       {"rope_scaling",
                        {{"type", "yarn"},
                         {"factor", 40},
                         {"beta_fast", 32},
                         {"beta_slow", 1},
                         {"mscale", 1.0},
                         {"mscale_all_dim", 1.0},
                         {"original_max_position_embeddings", 4096}}}};
  const auto m = gguf_metadata_of_config(config.dump(), false);
  ASSERT_TRUE(m) << m.error().message;
  EXPECT_EQ(m->integer("deepseek2.block_count"), 61);
  EXPECT_EQ(m->integer("deepseek2.attention.head_count_kv"), 1);
  EXPECT_EQ(m->integer("deepseek2.attention.key_length"), 576);
  EXPECT_EQ(m->integer("deepseek2.attention.value_length"), 512);
  EXPECT_EQ(m->integer("deepseek2.attention.key_length_mla"), 192);
  EXPECT_EQ(m->integer("deepseek2.attention.value_length_mla"), 128);
  EXPECT_EQ(m->integer("deepseek2.expert_gating_func"), 2);
  EXPECT_EQ(m->integer("deepseek2.leading_dense_block_count"), 3);
  EXPECT_EQ(*m->text("deepseek2.rope.scaling.type"), "yarn");
  EXPECT_NEAR(*m->number("deepseek2.rope.scaling.yarn_log_multiplier"), 0.1, 1e-7);
  GgufFacts facts;
  facts.vocab_size = 129280;
  facts.has_router_bias = true;
  facts.torch_dtype = "bfloat16";
  const auto text = config_of_gguf_metadata(*m, facts);
  ASSERT_TRUE(text) << text.error().message;
  const Json back = Json::parse(*text);
  for (const char* key : {"architectures", "kv_lora_rank", "qk_nope_head_dim", "v_head_dim",
                          "num_key_value_heads", "n_group", "topk_group", "scoring_func",
                          "topk_method", "routed_scaling_factor", "norm_topk_prob"}) {
    EXPECT_EQ(back[key], config[key]) << key;
  }
  for (const char* key : {"factor", "mscale", "mscale_all_dim", "beta_fast", "beta_slow"}) {
    EXPECT_EQ(back["rope_scaling"][key].get<double>(), config["rope_scaling"][key].get<double>());
  }
}

TEST(GgufConfig, OldDeepSeekFilesSayHeadsWithoutTheLatent) {
  GgufMetadata m;
  m.set("general.architecture", GgufValue::text("deepseek2"));
  for (const auto& [key, value] : std::initializer_list<std::pair<const char*, int64_t>>{
           {"block_count", 27},
           {"context_length", 163840},
           {"embedding_length", 2048},
           {"feed_forward_length", 10944},
           {"attention.head_count", 16},
           {"attention.head_count_kv", 16},
           {"attention.kv_lora_rank", 512},
           {"attention.key_length", 192},
           {"attention.value_length", 128},
           {"rope.dimension_count", 64},
           {"expert_count", 64},
           {"expert_used_count", 6},
           {"expert_feed_forward_length", 1408}}) {
    m.set(std::string("deepseek2.") + key, GgufValue::u32(value));
  }
  GgufFacts facts;
  facts.vocab_size = 102400;
  const auto text = config_of_gguf_metadata(m, facts);
  ASSERT_TRUE(text) << text.error().message;
  const Json config = Json::parse(*text);
  EXPECT_EQ(config["architectures"][0], "DeepseekV2ForCausalLM");
  EXPECT_EQ(config["qk_nope_head_dim"], 128);
  EXPECT_EQ(config["v_head_dim"], 128);
  EXPECT_TRUE(config["q_lora_rank"].is_null());
  EXPECT_EQ(config["topk_method"], "greedy");
}

TEST(GgufConfig, ValuesThatGgufCannotSayAreRefusedByName) {
  const auto refuse = [](const char* key, const Json& value, const char* part) {
    Json config = llama3();
    config[key] = value;
    const auto metadata = gguf_metadata_of_config(config.dump(), false);
    ASSERT_FALSE(metadata) << key;
    EXPECT_NE(metadata.error().message.find(part), std::string::npos) << metadata.error().message;
  };
  refuse("architectures", {"GemmaForCausalLM"}, "GemmaForCausalLM");
  refuse("hidden_act", "gelu", "hidden_act");
  refuse("rope_scaling", {{"rope_type", "longrope"}}, "longrope");
  refuse("rope_scaling", {{"rope_type", "dynamic"}, {"factor", 2}}, "dynamic");
  refuse("rope_scaling", {{"rope_type", "llama3"}, {"factor", 2}}, "low_freq_factor");
  refuse("head_dim", 15, "head_dim");
  refuse("num_hidden_layers", "two", "num_hidden_layers");
  refuse("vocab_size", nullptr, "vocab_size");
}

TEST(GgufConfig, NumbersAreTheDecimalsThatWereMeant) {
  EXPECT_EQ(shortest_decimal(1e-6f), 1e-6);
  EXPECT_EQ(shortest_decimal(0.1f), 0.1);
  EXPECT_EQ(shortest_decimal(0.1), 0.1);
}

}  // namespace
}  // namespace r1
