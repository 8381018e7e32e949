// Metadata to config.json.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "models/gguf_config.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

/// Keys under ARCHITECTURE; remembers the first that is wrong.
class Keys {
 public:
  Keys(const GgufMetadata& metadata, const std::string& architecture)
      : metadata_(metadata), prefix_(architecture + ".") {}

  bool has(const char* key) const { return metadata_.find(prefix_ + key) != nullptr; }
  int64_t integer(const char* key) {
    const auto value = metadata_.integer(prefix_ + key);
    if (value && *value >= 0 && *value <= INT32_MAX) return *value;
    complain(key, "must be a whole number from 0 to 2^31 - 1");
    return 0;
  }
  int64_t integer(const char* key, int64_t otherwise) {
    return has(key) ? integer(key) : otherwise;
  }
  double number(const char* key, double otherwise) {
    const auto value = metadata_.number(prefix_ + key);
    if (value) return shortest_decimal(*value);
    if (has(key)) complain(key, "must be a number");
    return otherwise;
  }
  bool flag(const char* key, bool otherwise) {
    const auto value = metadata_.flag(prefix_ + key);
    if (!value && has(key)) complain(key, "must be true or false");
    return value.value_or(otherwise);
  }
  std::string text(const char* key, const std::string& otherwise) {
    const std::string* value = metadata_.text(prefix_ + key);
    if (value == nullptr && has(key)) complain(key, "must be a text");
    return value ? *value : otherwise;
  }
  void complain(const char* key, const std::string& what) {
    if (problem_.empty()) problem_ = fmt::format("key '{}{}': {}", prefix_, key, what);
  }
  void refuse(bool is_wrong, const char* key) {
    if (is_wrong) complain(key, "changes the computation in a way that r1 does not know");
  }
  Result<void> check() const {
    if (problem_.empty()) return {};
    return fail("{}; convert the model again from its Hugging Face folder", problem_);
  }

 private:
  const GgufMetadata& metadata_;
  std::string prefix_;
  std::string problem_;
};

bool close(const std::vector<float>& a, const std::vector<float>& b) {
  return std::ranges::equal(
      a, b, [](float x, float y) { return std::fabs(x - y) <= 1e-4f * std::fabs(y); });
}

/// The four numbers of Llama 3's scaling that give the factors of rope_freqs.weight.
Json llama3_scaling(Keys& keys, const std::vector<float>& factors, double theta, int64_t head_dim) {
  if (std::ranges::all_of(factors, [](float f) { return f == 1; })) return nullptr;
  const double factor = shortest_decimal(*std::ranges::max_element(factors));
  const auto low = keys.number("rope.scaling.low_freq_factor", 1);
  const auto high = keys.number("rope.scaling.high_freq_factor", 4);
  for (const int64_t positions :
       {keys.integer("rope.scaling.original_context_length", 8192), int64_t{8192}}) {
    if (head_dim != 2 * static_cast<int64_t>(factors.size())) break;
    if (!close(
            llama3_rope_factors(theta, head_dim, factor, low, high, static_cast<double>(positions)),
            factors)) {
      continue;
    }
    return {{"factor", factor},
            {"high_freq_factor", high},
            {"low_freq_factor", low},
            {"original_max_position_embeddings", positions},
            {"rope_type", "llama3"}};
  }
  keys.complain("rope.scaling",
                "the tensor rope_freqs.weight is no scaling of Llama 3, and r1 knows no other");
  return nullptr;
}

Json yarn_scaling(Keys& keys) {
  Json scaling = {
      {"rope_type", "yarn"},
      {"factor", keys.number("rope.scaling.factor", 1)},
      {"original_max_position_embeddings",
       keys.integer("rope.scaling.original_context_length", keys.integer("context_length"))}};
  scaling["beta_fast"] = keys.number("rope.scaling.yarn_beta_fast", 32);
  scaling["beta_slow"] = keys.number("rope.scaling.yarn_beta_slow", 1);
  // Six digits: the file has a tenth of what was meant, as f32.
  const double all =
      std::stod(fmt::format("{:.6g}", 10 * keys.number("rope.scaling.yarn_log_multiplier", 0)));
  if (all != 0) {
    scaling["mscale"] = keys.number("rope.scaling.yarn_mscale", all);
    scaling["mscale_all_dim"] = all;
  }
  return scaling;
}

Json rope_scaling(Keys& keys, const GgufFacts& facts, double theta, int64_t head_dim) {
  for (const char* key : {"rope.scaling.attn_factor", "rope.scaling.yarn_attn_factor",
                          "rope.scaling.yarn_ext_factor"}) {
    keys.refuse(keys.number(key, 1) != 1, key);
  }
  const std::string type = keys.text("rope.scaling.type", "none");
  if (!facts.rope_factors.empty()) {
    keys.refuse(type != "none", "rope.scaling.type");
    return llama3_scaling(keys, facts.rope_factors, theta, head_dim);
  }
  if (type == "yarn") return yarn_scaling(keys);
  const double factor = keys.number("rope.scaling.factor", 1);
  if (type == "linear" && factor != 1) return {{"rope_type", "linear"}, {"factor", factor}};
  keys.refuse(type != "none" && type != "linear", "rope.scaling.type");
  return nullptr;
}

/// Neutral unless the file says otherwise; other architectures use them.
void refuse_unknown_dials(Keys& keys) {
  for (const char* key : {"logit_scale", "embedding_scale", "residual_scale", "attention.scale"}) {
    keys.refuse(keys.number(key, 1) != 1, key);
  }
  for (const char* key : {"attention.clamp_kqv", "attention.max_alibi_bias",
                          "attn_logit_softcapping", "final_logit_softcapping"}) {
    keys.refuse(keys.number(key, 0) != 0, key);
  }
}

void add_mla(Keys& keys, Json& config) {
  const bool is_split = keys.has("attention.key_length_mla");
  const int64_t rope = keys.integer("rope.dimension_count");
  const int64_t head = keys.integer(is_split ? "attention.key_length_mla" : "attention.key_length");
  if (head <= rope) keys.complain("attention.key_length", "is not above rope.dimension_count");
  config["num_key_value_heads"] = config["num_attention_heads"];
  config["q_lora_rank"] =
      keys.has("attention.q_lora_rank") ? Json(keys.integer("attention.q_lora_rank")) : Json();
  config["kv_lora_rank"] = keys.integer("attention.kv_lora_rank");
  config["qk_nope_head_dim"] = head - rope;
  config["qk_rope_head_dim"] = rope;
  config["v_head_dim"] =
      keys.integer(is_split ? "attention.value_length_mla" : "attention.value_length");
}

void add_deepseek_experts(Keys& keys, bool is_v3, Json& config) {
  const int64_t n_group = keys.integer("expert_group_count", 1);
  config["first_k_dense_replace"] = keys.integer("leading_dense_block_count", 0);
  config["moe_layer_freq"] = 1;
  config["moe_intermediate_size"] = keys.integer("expert_feed_forward_length");
  config["n_routed_experts"] = keys.integer("expert_count");
  config["num_experts_per_tok"] = keys.integer("expert_used_count");
  config["n_shared_experts"] = keys.integer("expert_shared_count", 0);
  config["routed_scaling_factor"] = keys.number("expert_weights_scale", 1);
  config["norm_topk_prob"] = keys.flag("expert_weights_norm", false);
  config["n_group"] = n_group;
  config["topk_group"] = keys.integer("expert_group_used_count", 1);
  config["scoring_func"] = is_v3 ? "sigmoid" : "softmax";
  config["topk_method"] = is_v3 ? "noaux_tc" : n_group > 1 ? "group_limited_greedy" : "greedy";
}

void add_qwen_experts(Keys& keys, Json& config) {
  config["num_experts"] = keys.integer("expert_count");
  config["num_experts_per_tok"] = keys.integer("expert_used_count");
  config["moe_intermediate_size"] = keys.integer("expert_feed_forward_length");
  config["norm_topk_prob"] = keys.flag("expert_weights_norm", true);
  config["decoder_sparse_step"] = 1;
  config["mlp_only_layers"] = Json::array();
}

/// architectures and model_type.
std::pair<const char*, const char*> hugging_face_names(const std::string& architecture,
                                                       bool is_v3) {
  if (architecture == "llama") return {"LlamaForCausalLM", "llama"};
  if (architecture == "qwen2") return {"Qwen2ForCausalLM", "qwen2"};
  if (architecture == "qwen3") return {"Qwen3ForCausalLM", "qwen3"};
  if (architecture == "qwen3moe") return {"Qwen3MoeForCausalLM", "qwen3_moe"};
  if (is_v3) return {"DeepseekV3ForCausalLM", "deepseek_v3"};
  return {"DeepseekV2ForCausalLM", "deepseek_v2"};
}

Json common_config(Keys& keys, const GgufFacts& facts) {
  Json config;
  const int64_t n_nextn = keys.integer("nextn_predict_layers", 0);
  config["vocab_size"] = facts.vocab_size;
  config["hidden_size"] = keys.integer("embedding_length");
  config["num_hidden_layers"] = keys.integer("block_count") - n_nextn;
  if (n_nextn > 0) config["num_nextn_predict_layers"] = n_nextn;
  config["num_attention_heads"] = keys.integer("attention.head_count");
  config["intermediate_size"] = keys.integer("feed_forward_length");
  config["max_position_embeddings"] = keys.integer("context_length");
  config["rms_norm_eps"] = keys.number("attention.layer_norm_rms_epsilon", 1e-6);
  config["hidden_act"] = "silu";
  config["tie_word_embeddings"] = facts.is_tied;
  config["torch_dtype"] = facts.torch_dtype;
  return config;
}

void add_token_ids(const GgufMetadata& metadata, Json& config) {
  const auto bos = metadata.integer("tokenizer.ggml.bos_token_id");
  const auto eos = metadata.integer("tokenizer.ggml.eos_token_id");
  if (bos) config["bos_token_id"] = *bos;
  if (eos) config["eos_token_id"] = *eos;
}

}  // namespace

double shortest_decimal(double f32) {
  const auto narrow = static_cast<float>(f32);
  if (!std::isfinite(narrow) || static_cast<double>(narrow) != f32) return f32;
  return std::stod(fmt::format("{}", narrow));
}

Result<std::string> config_of_gguf_metadata(const GgufMetadata& metadata, const GgufFacts& facts) {
  const std::string* name = metadata.text("general.architecture");
  const std::string architecture = name ? *name : "";
  constexpr const char* kKnown[] = {"llama", "qwen2", "qwen3", "qwen3moe", "deepseek2"};
  if (std::ranges::find(kKnown, architecture) == std::end(kKnown)) {
    return fail("key 'general.architecture': '{}' is not supported; known: {}", architecture,
                "llama, qwen2, qwen3, qwen3moe, deepseek2");
  }
  Keys keys(metadata, architecture);
  const bool is_mla = architecture == "deepseek2";
  const bool is_v3 =
      is_mla && (facts.has_router_bias || keys.integer("expert_gating_func", 1) == 2);
  const auto [class_name, model_type] = hugging_face_names(architecture, is_v3);
  Json config = {{"architectures", Json::array({class_name})}, {"model_type", model_type}};
  config.update(common_config(keys, facts));
  refuse_unknown_dials(keys);
  int64_t head_dim = 0;
  if (is_mla) {
    add_mla(keys, config);
    add_deepseek_experts(keys, is_v3, config);
  } else {
    const int64_t n_heads = std::max<int64_t>(1, keys.integer("attention.head_count"));
    head_dim = keys.integer("attention.key_length", keys.integer("embedding_length") / n_heads);
    config["num_key_value_heads"] = keys.integer("attention.head_count_kv", n_heads);
    config["head_dim"] = head_dim;
    keys.refuse(keys.integer("attention.value_length", head_dim) != head_dim,
                "attention.value_length");
    keys.refuse(keys.integer("rope.dimension_count", head_dim) != head_dim, "rope.dimension_count");
    keys.refuse(architecture != "qwen3moe" && keys.integer("expert_count", 0) != 0, "expert_count");
  }
  if (architecture == "qwen3moe") add_qwen_experts(keys, config);
  if (architecture != "qwen2") config["attention_bias"] = facts.has_attention_bias;
  const double theta = keys.number("rope.freq_base", 10000);
  config["rope_theta"] = theta;
  config["rope_scaling"] = rope_scaling(keys, facts, theta, head_dim);
  add_token_ids(metadata, config);
  R1_RETURN_IF_ERROR(keys.check());
  return config.dump(2) + "\n";
}

}  // namespace r1
