#include <nlohmann/json.hpp>

#include "kernels/pointwise.h"
#include "models/family.h"

namespace r1 {

const std::vector<Family>& families() {
  static const std::vector<Family> all{kLlama, kQwen2, kQwen3, kQwen3Moe, kDeepseekV2, kDeepseekV3};
  return all;
}

namespace {

constexpr std::string_view kWriter = "ForCausalLM", kScorer = "ForSequenceClassification";

/// LlamaForCausalLM -> LlamaForSequenceClassification
std::string scorer_of(const std::string& architecture) {
  return architecture.substr(0, architecture.size() - kWriter.size()) + std::string(kScorer);
}

/// num_labels, or what id2label counts; transformers' default is 2.
Result<int64_t> count_labels(const nlohmann::json& json) {
  const auto labels = json.find("id2label");
  int64_t n =
      labels != json.end() && labels->is_object() ? static_cast<int64_t>(labels->size()) : 2;
  const auto given = json.find("num_labels");
  if (given != json.end() && given->is_number_integer()) n = given->get<int64_t>();
  if (n == 1) return n;
  return fail("config.json: {} labels; only a scoring model with 1 is implemented", n);
}

}  // namespace

Result<const Family*> find_family(const std::string& architecture) {
  std::string known;
  for (const Family& family : families()) {
    if (family.architecture == architecture || scorer_of(family.architecture) == architecture) {
      return &family;
    }
    known += (known.empty() ? "" : ", ") + family.architecture;
  }
  return fail("architecture '{}' is not implemented; implemented: {}", architecture, known);
}

Result<ModelConfig> read_model_config(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded() || !json.is_object()) {
    return fail("config.json is not a JSON object; copy the model folder again");
  }
  const auto it = json.find("architectures");
  if (it == json.end() || !it->is_array() || it->empty() || !(*it)[0].is_string()) {
    return fail("config.json has no \"architectures\": [\"…\"]");
  }
  const std::string architecture = (*it)[0].get<std::string>();
  R1_TRY(const Family* family, find_family(architecture));
  R1_TRY(ModelConfig config, family->read_config(text));
  if (architecture.ends_with(kScorer)) {
    R1_TRY(config.n_labels, count_labels(json));
    config.architecture = architecture;
    config.tie_word_embeddings = false;  // there is no vocabulary head to tie
  }
  R1_RETURN_IF_ERROR(config.validate());
  return config;
}

std::string scorer_config(const std::string& text) {
  auto json = nlohmann::ordered_json::parse(text);
  json["architectures"] = {scorer_of(json["architectures"][0].get<std::string>())};
  json["id2label"] = {{"0", "LABEL_0"}};
  json["label2id"] = {{"LABEL_0", 0}};
  json.erase("num_labels");
  return json.dump(2) + "\n";
}

namespace {

constexpr int64_t kMostSize = 1 << 24;
constexpr int64_t kMostMtpLayers = 64;

Result<void> check_size(const char* name, int64_t value, int64_t most = kMostSize) {
  if (value >= 1 && value <= most) return {};
  return fail("config.json: {} is {}; it must be from 1 to {}", name, value, most);
}

Result<void> validate_mla(const ModelConfig& c) {
  if (!c.is_mla()) return {};
  if (c.mla.q_lora_rank != 0) R1_RETURN_IF_ERROR(check_size("q_lora_rank", c.mla.q_lora_rank));
  R1_RETURN_IF_ERROR(check_size("kv_lora_rank", c.mla.kv_lora_rank));
  R1_RETURN_IF_ERROR(check_size("qk_nope_head_dim", c.mla.qk_nope_head_dim));
  R1_RETURN_IF_ERROR(check_size("qk_rope_head_dim", c.mla.qk_rope_head_dim, kMostRope));
  R1_RETURN_IF_ERROR(check_size("v_head_dim", c.mla.v_head_dim));
  if (c.mla.qk_rope_head_dim % 2 == 0) return {};
  return fail("config.json: qk_rope_head_dim {} is odd", c.mla.qk_rope_head_dim);
}

Result<void> validate_moe(const ModelConfig& c) {
  const Routing& r = c.moe.routing;
  if (r.n_experts == 0) return {};
  R1_RETURN_IF_ERROR(check_size("number of experts", r.n_experts, 1 << 16));
  R1_RETURN_IF_ERROR(
      check_size("number of experts in all layers", r.n_experts * c.n_layers, 1 << 17));
  R1_RETURN_IF_ERROR(check_size("num_experts_per_tok", r.top_k, r.n_experts));
  R1_RETURN_IF_ERROR(check_size("moe_intermediate_size", c.moe.d_ff));
  if (c.moe.shared_d_ff != 0) {
    R1_RETURN_IF_ERROR(check_size("n_shared_experts * moe_intermediate_size", c.moe.shared_d_ff));
  }
  R1_RETURN_IF_ERROR(check_size("n_group", r.n_group, r.n_experts));
  R1_RETURN_IF_ERROR(check_size("topk_group", r.topk_group, r.n_group));
  if (r.n_experts % r.n_group != 0) {
    return fail("config.json: {} experts do not divide into n_group {}", r.n_experts, r.n_group);
  }
  if (r.topk_group * (r.n_experts / r.n_group) < r.top_k) {
    return fail("config.json: topk_group {} holds fewer than num_experts_per_tok {} experts",
                r.topk_group, r.top_k);
  }
  return {};
}

}  // namespace

Result<void> ModelConfig::validate() const {
  const std::pair<const char*, int64_t> sizes[] = {
      {"vocab_size", vocab_size},          {"hidden_size", d_model},
      {"num_hidden_layers", n_layers},     {"head_dim", head_dim},
      {"num_attention_heads", n_heads},    {"intermediate_size", d_ff},
      {"num_key_value_heads", n_kv_heads}, {"max_position_embeddings", max_positions}};
  for (const auto& [name, value] : sizes) {
    R1_RETURN_IF_ERROR(check_size(name, value));
  }
  R1_RETURN_IF_ERROR(check_size("num_hidden_layers", n_layers, kMostLayers));
  if (n_heads % n_kv_heads != 0) {
    return fail("config.json: num_attention_heads {} is not a multiple of num_key_value_heads {}",
                n_heads, n_kv_heads);
  }
  R1_RETURN_IF_ERROR(validate_mla(*this));
  R1_RETURN_IF_ERROR(validate_moe(*this));
  if (n_mtp_layers < 0 || n_mtp_layers > kMostMtpLayers) {
    return fail("config.json: num_nextn_predict_layers is {}; it must be from 0 to {}",
                n_mtp_layers, kMostMtpLayers);
  }
  if (head_dim % 2 != 0) return fail("config.json: head_dim {} is odd", head_dim);
  if (!(norm_eps > 0) || !(rope_theta > 0)) {
    return fail("config.json: rms_norm_eps and rope_theta must be positive");
  }
  return {};
}

}  // namespace r1
