// config.json with YaRN: as each family spells it, once and again.
#include "models/context_extension.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "models/family.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

std::string llama(const Json& more = Json::object()) {
  Json json{{"architectures", {"LlamaForCausalLM"}},
            {"hidden_size", 32},
            {"intermediate_size", 48},
            {"num_hidden_layers", 1},
            {"num_attention_heads", 2},
            {"num_key_value_heads", 1},
            {"vocab_size", 70},
            {"max_position_embeddings", 256},
            {"rope_theta", 1000.0},
            {"mystery", "kept"}};
  json.update(more);
  return json.dump();
}

std::string deepseek() {
  Json json = Json::parse(llama());
  json.update(Json{{"architectures", {"DeepseekV3ForCausalLM"}},
                   {"q_lora_rank", nullptr},
                   {"kv_lora_rank", 8},
                   {"qk_nope_head_dim", 8},
                   {"qk_rope_head_dim", 4},
                   {"v_head_dim", 8},
                   {"n_routed_experts", 0},
                   {"num_key_value_heads", 2}});
  return json.dump();
}

Json extended(const std::string& config, const ContextExtension& extension) {
  const auto text = extend_config(config, extension);
  EXPECT_TRUE(text) << text.error().message;
  return text ? Json::parse(*text) : Json();
}

TEST(ContextExtension, WritesYarnAsTransformersReadsIt) {
  const Json json = extended(llama(), {.rope_scaling = "yarn", .max_position_embeddings = 1024});
  EXPECT_EQ(json["max_position_embeddings"], 1024);
  EXPECT_EQ(json["mystery"], "kept");
  EXPECT_EQ(json["rope_scaling"], (Json{{"rope_type", "yarn"},
                                        {"factor", 4.0},
                                        {"original_max_position_embeddings", 256},
                                        {"beta_fast", 32.0},
                                        {"beta_slow", 1.0}}));
  const auto config = read_model_config(json.dump());
  ASSERT_TRUE(config);
  EXPECT_EQ(config->max_positions, 1024);
  EXPECT_DOUBLE_EQ(config->rope_scaling.attention_factor, 0.1 * std::log(4.0) + 1);
}

TEST(ContextExtension, DeepseekScalesTheSoftmaxAndNotTheCosines) {
  const Json json = extended(
      deepseek(), {.rope_scaling = "yarn", .max_position_embeddings = 1024, .rope_factor = 40});
  EXPECT_EQ(json["rope_scaling"]["type"], "yarn");
  EXPECT_EQ(json["rope_scaling"]["factor"], 40.0);
  EXPECT_EQ(json["rope_scaling"]["mscale_all_dim"], 1.0);
  const auto config = read_model_config(json.dump());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_DOUBLE_EQ(config->rope_scaling.attention_factor, 1.0);
  EXPECT_NEAR(config->attention_scale, 1.8738542 / std::sqrt(12.0), 1e-6);
}

TEST(ContextExtension, ASecondPhaseKeepsTheOriginalPositions) {
  const ContextExtension first{.rope_scaling = "yarn", .max_position_embeddings = 1024};
  const ContextExtension second{.rope_scaling = "yarn", .max_position_embeddings = 4096};
  for (const std::string& config : {llama(), deepseek()}) {
    const Json one = extended(config, first), two = extended(one.dump(), second);
    EXPECT_EQ(two["rope_scaling"]["original_max_position_embeddings"], 256);
    EXPECT_EQ(two["rope_scaling"]["factor"], 16.0);
    EXPECT_EQ(extended(one.dump(), first), one);  // as a resumed run does
  }
}

TEST(ContextExtension, NewFilesKeepTheirRopeParameters) {
  const Json before = Json{{"rope_parameters", {{"rope_type", "default"}, {"rope_theta", 500.0}}}};
  const Json json = extended(llama(before), {.rope_scaling = "linear", .rope_factor = 2});
  EXPECT_FALSE(json.contains("rope_scaling"));
  EXPECT_EQ(json["rope_parameters"]["rope_type"], "linear");
  EXPECT_EQ(json["max_position_embeddings"], 512);
  const auto config = read_model_config(json.dump());
  ASSERT_TRUE(config);
  EXPECT_EQ(config->rope_theta, 500.0);
  EXPECT_EQ(config->rope_scaling.kind, RopeScaling::Kind::kLinear);
}

TEST(ContextExtension, RefusesWhatIsNoExtension) {
  const auto error = [](const ContextExtension& e) {
    const auto text = extend_config(llama(), e);
    return text ? "" : text.error().message;
  };
  EXPECT_NE(error({.rope_scaling = "ntk", .rope_factor = 2}).find("yarn or linear"),
            std::string::npos);
  EXPECT_NE(error({.rope_scaling = "yarn"}).find("max_position_embeddings"), std::string::npos);
  EXPECT_NE(error({.rope_scaling = "yarn", .max_position_embeddings = 128}).find("256"),
            std::string::npos);
  EXPECT_FALSE(extend_config("{", {.rope_scaling = "yarn", .rope_factor = 2}));
}

TEST(ContextExtension, TokenizersAreToldTheNewLength) {
  EXPECT_EQ(Json::parse(extend_tokenizer_config(R"({"model_max_length": 256})", 1024)),
            (Json{{"model_max_length", 1024}}));
  for (const std::string same : {R"({"model_max_length": 5000})", R"({"a": 1})", "{", "[]"})
    EXPECT_EQ(extend_tokenizer_config(same, 1024), same);
}

}  // namespace
}  // namespace r1
