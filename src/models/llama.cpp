// Llama 2 and 3 without rope scaling: RMSNorm, rotary positions, grouped-query attention, SwiGLU.
#include <nlohmann/json.hpp>

#include "models/family.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Result<T> get(const Json& json, const char* key, T otherwise) {
  const auto it = json.find(key);
  if (it == json.end() || it->is_null()) return otherwise;
  const bool fits = std::is_same_v<T, bool>       ? it->is_boolean()
                    : std::is_integral_v<T>       ? it->is_number_integer()
                    : std::is_floating_point_v<T> ? it->is_number()
                                                  : it->is_string();
  if (!fits) return fail("config.json: {} has the wrong type: {}", key, it->dump());
  return it->get<T>();
}

/// The kind of a rope_scaling or rope_parameters entry; "?" when it does not say.
std::string rope_type(const Json& rope) {
  if (!rope.is_object()) return "?";
  for (const char* key : {"rope_type", "type"}) {
    const auto it = rope.find(key);
    if (it != rope.end()) return it->is_string() ? it->get<std::string>() : "?";
  }
  return rope.contains("factor") ? "?" : "default";
}

/// Values that would change the computation in a way this family does not implement.
Result<void> refuse_unknown(const Json& json) {
  R1_TRY(const std::string act, get<std::string>(json, "hidden_act", "silu"));
  if (act != "silu") return fail("config.json: hidden_act '{}' is not implemented; only silu", act);
  for (const char* key : {"attention_bias", "mlp_bias"}) {
    R1_TRY(const bool bias, get<bool>(json, key, false));
    if (bias) return fail("config.json: {} = true is not implemented for Llama", key);
  }
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const auto it = json.find(key);
    if (it == json.end() || it->is_null()) continue;
    const std::string type = rope_type(*it);
    if (type != "default")
      return fail("config.json: {} '{}' is not implemented for Llama", key, type);
  }
  R1_TRY(const int64_t tp, get<int64_t>(json, "pretraining_tp", 1));
  if (tp > 1) return fail("config.json: pretraining_tp {} is not implemented; only 1", tp);
  return {};
}

Result<ModelConfig> read_config(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  R1_RETURN_IF_ERROR(refuse_unknown(json));
  ModelConfig c;
  c.architecture = "LlamaForCausalLM";
  R1_TRY(c.vocab_size, get<int64_t>(json, "vocab_size", 0));
  R1_TRY(c.d_model, get<int64_t>(json, "hidden_size", 0));
  R1_TRY(c.n_layers, get<int64_t>(json, "num_hidden_layers", 0));
  R1_TRY(c.n_heads, get<int64_t>(json, "num_attention_heads", 0));
  R1_TRY(c.n_kv_heads, get<int64_t>(json, "num_key_value_heads", c.n_heads));
  R1_TRY(c.head_dim, get<int64_t>(json, "head_dim", c.n_heads > 0 ? c.d_model / c.n_heads : 0));
  R1_TRY(c.d_ff, get<int64_t>(json, "intermediate_size", 0));
  R1_TRY(c.max_positions, get<int64_t>(json, "max_position_embeddings", 2048));
  R1_TRY(c.rope_theta, get<double>(json, "rope_theta", 10000.0));
  if (const auto it = json.find("rope_parameters"); it != json.end() && it->is_object()) {
    R1_TRY(c.rope_theta, get<double>(*it, "rope_theta", c.rope_theta));
  }
  R1_TRY(const double eps, get<double>(json, "rms_norm_eps", 1e-6));
  c.norm_eps = static_cast<float>(eps);
  R1_TRY(c.tie_word_embeddings, get<bool>(json, "tie_word_embeddings", false));
  R1_TRY(const int64_t bos, get<int64_t>(json, "bos_token_id", -1));
  c.bos_token_id = static_cast<int32_t>(bos);
  if (const auto eos = json.find("eos_token_id"); eos != json.end() && !eos->is_null()) {
    for (const auto& id : eos->is_array() ? *eos : Json::array({*eos})) {
      if (!id.is_number_integer()) return fail("config.json: eos_token_id has the wrong type");
      c.eos_token_ids.push_back(id.get<int32_t>());
    }
  }
  return c;
}

std::string write_config(const ModelConfig& c, const std::string& dtype) {
  Json json{{"architectures", {c.architecture}},
            {"model_type", "llama"},
            {"attention_bias", false},
            {"hidden_act", "silu"},
            {"hidden_size", c.d_model},
            {"intermediate_size", c.d_ff},
            {"max_position_embeddings", c.max_positions},
            {"mlp_bias", false},
            {"num_attention_heads", c.n_heads},
            {"num_hidden_layers", c.n_layers},
            {"num_key_value_heads", c.n_kv_heads},
            {"head_dim", c.head_dim},
            {"rms_norm_eps", c.norm_eps},
            {"rope_scaling", nullptr},
            {"rope_theta", c.rope_theta},
            {"tie_word_embeddings", c.tie_word_embeddings},
            {"torch_dtype", dtype},
            {"vocab_size", c.vocab_size}};
  if (c.bos_token_id >= 0) json["bos_token_id"] = c.bos_token_id;
  if (c.eos_token_ids.size() == 1) json["eos_token_id"] = c.eos_token_ids[0];
  if (c.eos_token_ids.size() > 1) json["eos_token_id"] = c.eos_token_ids;
  return json.dump(2) + "\n";
}

}  // namespace

const Family kLlama{"LlamaForCausalLM", read_config, write_config};

}  // namespace r1
