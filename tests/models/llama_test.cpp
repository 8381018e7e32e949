// config.json of the Llama family: what is read, what is refused and how it is written.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/family.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

Json good() {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"hidden_act", "silu"},
          {"hidden_size", 64},
          {"intermediate_size", 172},
          {"num_hidden_layers", 5},
          {"num_attention_heads", 8},
          {"num_key_value_heads", 4},
          {"rms_norm_eps", 1e-5},
          {"vocab_size", 512},
          {"max_position_embeddings", 512},
          {"tie_word_embeddings", true},
          {"bos_token_id", 1},
          {"eos_token_id", 2},
          {"rope_theta", 500000.0},
          {"torch_dtype", "bfloat16"}};
}

Json with(const char* key, Json value) {
  Json json = good();
  json[key] = std::move(value);
  return json;
}

std::string refusal(const Json& json) {
  const auto config = read_model_config(json.dump());
  return config ? "accepted" : config.error().message;
}

TEST(LlamaConfig, ReadsWhatHuggingFaceWrites) {
  const auto c = read_model_config(good().dump());
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->vocab_size, 512);
  EXPECT_EQ(c->d_model, 64);
  EXPECT_EQ(c->n_layers, 5);
  EXPECT_EQ(c->n_heads, 8);
  EXPECT_EQ(c->n_kv_heads, 4);
  EXPECT_EQ(c->head_dim, 8);  // hidden_size / num_attention_heads
  EXPECT_EQ(c->d_ff, 172);
  EXPECT_EQ(c->max_positions, 512);
  EXPECT_EQ(c->rope_theta, 500000.0);
  EXPECT_EQ(c->norm_eps, 1e-5f);
  EXPECT_TRUE(c->tie_word_embeddings);
  EXPECT_EQ(c->bos_token_id, 1);
  EXPECT_EQ(c->eos_token_ids, (std::vector<int32_t>{2}));
}

TEST(LlamaConfig, FillsInTheDefaultsOfTheFamily) {
  Json json = good();
  for (const char* key : {"num_key_value_heads", "hidden_act", "rms_norm_eps",
                          "max_position_embeddings", "tie_word_embeddings", "rope_theta"}) {
    json.erase(key);
  }
  json["bos_token_id"] = nullptr;
  json["eos_token_id"] = {128001, 128008};
  const auto c = read_model_config(json.dump());
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->n_kv_heads, 8);
  EXPECT_EQ(c->norm_eps, 1e-6f);
  EXPECT_EQ(c->max_positions, 2048);
  EXPECT_EQ(c->rope_theta, 10000.0);
  EXPECT_FALSE(c->tie_word_embeddings);
  EXPECT_EQ(c->bos_token_id, -1);
  EXPECT_EQ(c->eos_token_ids, (std::vector<int32_t>{128001, 128008}));
}

TEST(LlamaConfig, ReadsTheNewerRopeParameters) {
  Json json = with("rope_parameters", {{"rope_type", "default"}, {"rope_theta", 1000.0}});
  json.erase("rope_theta");
  const auto c = read_model_config(json.dump());
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->rope_theta, 1000.0);
}

TEST(LlamaConfig, RefusesByNameWhatWouldChangeTheComputation) {
  const std::pair<Json, const char*> cases[] = {
      {with("rope_scaling", {{"rope_type", "longrope"}, {"factor", 8.0}}),
       "rope_scaling type 'longrope' is not implemented; implemented: default, linear"},
      {with("rope_scaling", {{"type", "dynamic"}, {"factor", 2.0}}),
       "rope_scaling type 'dynamic' is not implemented"},
      {with("rope_scaling", {{"type", "linear"}, {"factor", 0.5}}), "factor 0.5"},
      {with("rope_scaling", {{"factor", 2.0}}), "rope_scaling"},
      {with("rope_scaling", {{"type", 5}}), "rope_scaling"},
      {with("rope_scaling", "yarn"), "rope_scaling"},
      {with("hidden_act", "gelu"), "hidden_act 'gelu' is not implemented; implemented: silu"},
      {with("pretraining_tp", 2), "pretraining_tp 2 is not implemented"},
      {with("architectures", {"MambaForCausalLM"}),
       "architecture 'MambaForCausalLM' is not implemented; implemented: LlamaForCausalLM"},
      {with("architectures", Json::array()), "config.json has no \"architectures\""},
      {with("architectures", "LlamaForCausalLM"), "config.json has no \"architectures\""},
  };
  for (const auto& [json, message] : cases)
    EXPECT_NE(refusal(json).find(message), std::string::npos) << refusal(json);
}

TEST(LlamaConfig, RefusesValuesOfTheWrongTypeOrSizeByName) {
  const std::pair<Json, const char*> cases[] = {
      {with("hidden_size", "64"), "hidden_size has the wrong type: \"64\""},
      {with("hidden_size", 64.5), "hidden_size has the wrong type: 64.5"},
      {with("tie_word_embeddings", 1), "tie_word_embeddings has the wrong type: 1"},
      {with("rope_theta", "big"), "rope_theta has the wrong type"},
      {with("hidden_act", 3), "hidden_act has the wrong type"},
      {with("eos_token_id", "end"), "eos_token_id has the wrong type"},
      {with("vocab_size", 0), "vocab_size is 0; it must be from 1"},
      {with("vocab_size", -5), "vocab_size is -5"},
      {with("num_hidden_layers", 1LL << 40), "num_hidden_layers is 1099511627776"},
      {with("num_key_value_heads", 3),
       "num_attention_heads 8 is not a multiple of num_key_value_heads 3"},
      {with("num_key_value_heads", 0), "num_key_value_heads is 0"},
      {with("num_attention_heads", 0), "is 0; it must be from 1"},
      {with("head_dim", 7), "head_dim 7 is odd"},
      {with("rms_norm_eps", -1.0), "rms_norm_eps and rope_theta must be positive"},
      {with("rope_theta", 0), "rms_norm_eps and rope_theta must be positive"},
  };
  for (const auto& [json, message] : cases)
    EXPECT_NE(refusal(json).find(message), std::string::npos) << refusal(json);
}

TEST(LlamaConfig, RefusesTextThatIsNoJsonObject) {
  for (const char* text : {"", "{", "[]", "7", "\"LlamaForCausalLM\"", "{\"architectures\":}"}) {
    const auto config = read_model_config(text);
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().message,
              "config.json is not a JSON object; copy the model folder again");
  }
}

TEST(LlamaConfig, ReadsBackWhatItWrites) {
  for (bool tied : {false, true}) {
    ModelConfig c;
    c.vocab_size = 69;
    c.d_model = 48;
    c.n_layers = 3;
    c.n_heads = 4;
    c.n_kv_heads = 2;
    c.head_dim = 24;  // not d_model / n_heads
    c.d_ff = 80;
    c.max_positions = 256;
    c.rope_theta = 12345.5;
    c.norm_eps = 3.3e-6f;
    c.tie_word_embeddings = tied;
    c.bos_token_id = tied ? 0 : -1;
    c.eos_token_ids = tied ? std::vector<int32_t>{1} : std::vector<int32_t>{1, 7};
    const std::string text = kLlama.write_config(c, "bfloat16");
    const auto back = read_model_config(text);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(kLlama.write_config(*back, "bfloat16"), text);
    EXPECT_EQ(back->head_dim, 24);
    EXPECT_EQ(back->norm_eps, 3.3e-6f);
    EXPECT_EQ(back->rope_theta, 12345.5);
    EXPECT_EQ(back->tie_word_embeddings, tied);
    EXPECT_EQ(back->bos_token_id, c.bos_token_id);
    EXPECT_EQ(back->eos_token_ids, c.eos_token_ids);
    EXPECT_EQ(Json::parse(text)["torch_dtype"], "bfloat16");
  }
}

}  // namespace
}  // namespace r1
