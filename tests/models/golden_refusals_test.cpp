// config.json values that would change the computation and are not implemented are refused by
// name, in every family.
#include "models/family.h"
#include "models/golden_fixture.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

Json golden_config(const std::string& name, const char* file = "config.json") {
  return Json::parse(read_text(golden_root() / name / file).value());
}

std::string refusal(const Json& config) {
  const auto read = read_model_config(config.dump());
  return read ? "accepted" : read.error().message;
}

/// One edit of a family's config, and what the refusal must name.
struct Edit {
  std::string fixture, key;
  Json value;
};

const Edit kEdits[] = {
    {"llama", "hidden_act", "gelu"},
    {"llama", "pretraining_tp", 2},
    {"qwen2", "hidden_act", "gelu_new"},
    {"qwen2", "layer_types", {"full_attention", "sliding_attention"}},
    {"qwen2_yarn", "layer_types", {"sliding_attention", "sliding_attention"}},
    {"qwen3", "hidden_act", "relu"},
    {"qwen3", "layer_types", {"full_attention", "linear_attention"}},
    {"qwen3_moe", "hidden_act", "gelu"},
    {"qwen3_moe", "decoder_sparse_step", 0},
    {"deepseek_v2", "hidden_act", "gelu"},
    {"deepseek_v2", "attention_bias", true},
    {"deepseek_v2", "mlp_bias", true},
    {"deepseek_v2", "moe_layer_freq", 2},
    {"deepseek_v2", "norm_topk_prob", true},
    {"deepseek_v2", "scoring_func", "sigmoid"},
    {"deepseek_v2", "topk_method", "noaux_tc"},
    {"deepseek_v2", "n_group", 5},
    {"deepseek_v2", "topk_group", 4},
    {"deepseek_v3", "hidden_act", "gelu"},
    {"deepseek_v3", "attention_bias", true},
    {"deepseek_v3", "moe_layer_freq", 2},
    {"deepseek_v3", "rope_interleave", false},
    {"deepseek_v3", "scoring_func", "softmax"},
    {"deepseek_v3", "topk_method", "group_limited_greedy"},
    {"deepseek_v3", "num_experts_per_tok", 13},
    {"deepseek_v3", "n_group", 0},
};

TEST(Refusals, EveryUnknownValueIsNamed) {
  for (const Edit& edit : kEdits) {
    for (const char* file : {"config.json", "other_config.json"}) {
      Json config = golden_config(edit.fixture, file);
      config[edit.key] = edit.value;
      EXPECT_NE(refusal(config).find(edit.key), std::string::npos)
          << edit.fixture << "/" << file << ": " << edit.key << " = " << edit.value << ": "
          << refusal(config);
    }
  }
}

TEST(Refusals, WhatEveryFamilyRefuses) {
  const Edit edits[] = {{"", "architectures", {"MistralForCausalLM"}},
                        {"", "partial_rotary_factor", 0.5},
                        {"", "hidden_size", "32"},
                        {"", "num_hidden_layers", 0},
                        {"", "vocab_size", -1},
                        {"", "rms_norm_eps", 0.0}};
  for (const std::string& name : golden_names()) {
    for (const Edit& edit : edits) {
      Json config = golden_config(name);
      config[edit.key] = edit.value;
      const std::string said = refusal(config);
      const bool names_it = said.find(edit.key) != std::string::npos ||
                            said.find("MistralForCausalLM") != std::string::npos;
      EXPECT_TRUE(names_it) << name << ": " << edit.key << " = " << edit.value << ": " << said;
    }
  }
}

TEST(Refusals, ScalingsOfRotaryPositionsThatAreNotImplemented) {
  const std::pair<const char*, Json> scalings[] = {
      {"longrope", {{"rope_type", "longrope"}, {"factor", 4.0}, {"short_factor", {1.0}}}},
      {"dynamic", {{"type", "dynamic"}, {"factor", 2.0}}},
      {"su", {{"type", "su"}, {"factor", 2.0}}},
      {"partial_rotary_factor",
       {{"rope_type", "linear"}, {"factor", 2.0}, {"partial_rotary_factor", 0.5}}},
      {"factor", {{"factor", 2.0}}},
      {"factor", {{"rope_type", "linear"}}},
      {"factor", {{"rope_type", "linear"}, {"factor", nullptr}}},
      {"factor", {{"rope_type", "linear"}, {"factor", 0.0}}},
      {"factor", {{"rope_type", "linear"}, {"factor", "2"}}},
      {"low_freq_factor", {{"rope_type", "llama3"}, {"factor", 8.0}, {"high_freq_factor", 4.0}}},
      {"rope_scaling", "linear"},
  };
  for (const std::string& name : golden_names()) {
    for (const auto& [what, scaling] : scalings) {
      for (const char* key : {"rope_scaling", "rope_parameters"}) {
        Json config = golden_config(name);
        config.erase("rope_scaling");
        config.erase("rope_parameters");
        config[key] = scaling;
        const std::string said = refusal(config);
        EXPECT_TRUE(said.find(what) != std::string::npos && said != "accepted")
            << name << ": " << key << " = " << scaling << ": " << said;
      }
    }
  }
}

/// transformers takes rope_scaling where both are there; to take the other in silence is wrong.
TEST(Refusals, ARopeScalingBesideRopeParametersIsNotLost) {
  Json config = golden_config("llama");
  config["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 500.0}};
  config["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 2.0}};
  const auto read = read_model_config(config.dump());
  EXPECT_TRUE(!read || read->rope_scaling.kind == RopeScaling::Kind::kLinear);
}

TEST(Refusals, SlidingWindowsAreRefusedOnlyWhereALayerHasOne) {
  for (const char* name : {"qwen2", "qwen3", "qwen3_moe"}) {
    Json config = golden_config(name);
    config.erase("layer_types");
    config["use_sliding_window"] = true;
    config["sliding_window"] = 16;
    config["max_window_layers"] = 1;
    EXPECT_NE(refusal(config).find("use_sliding_window"), std::string::npos) << refusal(config);
    config["max_window_layers"] = 2;  // none of the two layers
    EXPECT_EQ(refusal(config), "accepted");
  }
}

TEST(Refusals, TheFixturesThemselvesAreAccepted) {
  for (const std::string& name : golden_names()) {
    for (const char* file : {"config.json", "other_config.json"}) {
      EXPECT_EQ(refusal(golden_config(name, file)), "accepted") << name << "/" << file;
    }
  }
}

}  // namespace
}  // namespace r1
