#include <nlohmann/json.hpp>

#include "models/family.h"

namespace r1 {

const std::vector<Family>& families() {
  static const std::vector<Family> all{kLlama};
  return all;
}

Result<const Family*> find_family(const std::string& architecture) {
  std::string known;
  for (const Family& family : families()) {
    if (family.architecture == architecture) return &family;
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
  R1_TRY(const Family* family, find_family((*it)[0].get<std::string>()));
  R1_TRY(ModelConfig config, family->read_config(text));
  R1_RETURN_IF_ERROR(config.validate());
  return config;
}

Result<void> ModelConfig::validate() const {
  const std::pair<const char*, int64_t> sizes[] = {
      {"vocab_size", vocab_size},          {"hidden_size", d_model},
      {"num_hidden_layers", n_layers},     {"head_dim", head_dim},
      {"num_attention_heads", n_heads},    {"intermediate_size", d_ff},
      {"num_key_value_heads", n_kv_heads}, {"max_position_embeddings", max_positions}};
  for (const auto& [name, value] : sizes) {
    if (value <= 0 || value > (int64_t{1} << 24)) {
      return fail("config.json: {} is {}; it must be from 1 to 16777216", name, value);
    }
  }
  if (n_heads % n_kv_heads != 0) {
    return fail("config.json: num_attention_heads {} is not a multiple of num_key_value_heads {}",
                n_heads, n_kv_heads);
  }
  if (head_dim % 2 != 0) return fail("config.json: head_dim {} is odd", head_dim);
  if (!(norm_eps > 0) || !(rope_theta > 0)) {
    return fail("config.json: rms_norm_eps and rope_theta must be positive");
  }
  return {};
}

}  // namespace r1
