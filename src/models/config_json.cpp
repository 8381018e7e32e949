#include "models/config_json.h"

#include <cmath>

namespace r1::config_json {
namespace {

/// rope_scaling (classic), which wins as in transformers, or rope_parameters (newer); null:
/// neither.
const Json* rope_object(const Json& json) {
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const auto it = json.find(key);
    if (it != json.end() && !it->is_null()) return &*it;
  }
  return nullptr;
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

Result<void> require_rope(const Json& rope, const std::string& type,
                          std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (!rope.contains(key) || rope[key].is_null()) {
      return fail("config.json: rope_scaling of type {} lacks {}", type, key);
    }
  }
  return {};
}

/// 0.1 k ln s + 1.                                                  [Peng et al. 2023, section 3.4]
double yarn_mscale(double factor, double k) {
  return factor <= 1 ? 1.0 : 0.1 * k * std::log(factor) + 1.0;
}

Result<void> read_yarn(const Json& rope, RopeScaling& s) {
  s.kind = RopeScaling::Kind::kYarn;
  R1_TRY(s.beta_fast, get<double>(rope, "beta_fast", 32.0));
  R1_TRY(s.beta_slow, get<double>(rope, "beta_slow", 1.0));
  R1_TRY(s.truncate, get<bool>(rope, "truncate", true));
  R1_TRY(const double mscale, get<double>(rope, "mscale", 0.0));
  R1_TRY(const double mscale_all_dim, get<double>(rope, "mscale_all_dim", 0.0));
  const double factor = mscale != 0 && mscale_all_dim != 0
                            ? yarn_mscale(s.factor, mscale) / yarn_mscale(s.factor, mscale_all_dim)
                            : yarn_mscale(s.factor, 1.0);
  R1_TRY(s.attention_factor, get<double>(rope, "attention_factor", factor));
  return {};
}

Result<void> read_rope(const Json& json, ModelConfig& c) {
  const Json* rope = rope_object(json);
  R1_TRY(const double turning, get<double>(json, "partial_rotary_factor", 1.0));
  R1_TRY(const double part, rope_number(json, "partial_rotary_factor", turning));
  if (part != 1.0) return fail("config.json: partial_rotary_factor {} is not implemented", part);
  if (!rope) return {};
  const std::string type = rope_type(*rope);
  if (!rope->is_object() || type == "?") {
    return fail("config.json: rope_scaling does not say its rope_type: {}", rope->dump());
  }
  R1_TRY(c.rope_theta, get<double>(*rope, "rope_theta", c.rope_theta));
  RopeScaling& s = c.rope_scaling;
  R1_TRY(s.factor, get<double>(*rope, "factor", 1.0));
  R1_TRY(s.original_max_positions,
         get<int64_t>(*rope, "original_max_position_embeddings", c.max_positions));
  if (type == "default" || type == "none") {
    s = {};
  } else if (type == "linear") {
    R1_RETURN_IF_ERROR(require_rope(*rope, type, {"factor"}));
    s.kind = RopeScaling::Kind::kLinear;
  } else if (type == "llama3") {
    R1_RETURN_IF_ERROR(require_rope(
        *rope, type,
        {"factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"}));
    s.kind = RopeScaling::Kind::kLlama3;
    R1_TRY(s.low_freq_factor, get<double>(*rope, "low_freq_factor", 1.0));
    R1_TRY(s.high_freq_factor, get<double>(*rope, "high_freq_factor", 4.0));
  } else if (type == "yarn") {
    R1_RETURN_IF_ERROR(require_rope(*rope, type, {"factor"}));
    R1_RETURN_IF_ERROR(read_yarn(*rope, s));
  } else {
    return fail(
        "config.json: rope_scaling type '{}' is not implemented; implemented: default, linear, "
        "llama3, yarn",
        type);
  }
  if (s.kind != RopeScaling::Kind::kNone && !(s.factor >= 1 && s.original_max_positions > 0)) {
    return fail("config.json: rope_scaling factor {} must be at least 1", s.factor);
  }
  return {};
}

Result<void> read_tokens(const Json& json, ModelConfig& c) {
  const auto bos = json.find("bos_token_id");
  if (bos != json.end() && bos->is_number_integer()) c.bos_token_id = bos->get<int32_t>();
  const auto eos = json.find("eos_token_id");
  if (eos == json.end() || eos->is_null()) return {};
  for (const auto& id : eos->is_array() ? *eos : Json::array({*eos})) {
    if (!id.is_number_integer()) return fail("config.json: eos_token_id has the wrong type");
    c.eos_token_ids.push_back(id.get<int32_t>());
  }
  return {};
}

Json write_rope(const RopeScaling& s) {
  switch (s.kind) {
    case RopeScaling::Kind::kNone:
      return nullptr;
    case RopeScaling::Kind::kLinear:
      return {{"rope_type", "linear"}, {"factor", s.factor}};
    case RopeScaling::Kind::kLlama3:
      return {{"rope_type", "llama3"},
              {"factor", s.factor},
              {"low_freq_factor", s.low_freq_factor},
              {"high_freq_factor", s.high_freq_factor},
              {"original_max_position_embeddings", s.original_max_positions}};
    case RopeScaling::Kind::kYarn:
      break;
  }
  return {{"rope_type", "yarn"},
          {"factor", s.factor},
          {"beta_fast", s.beta_fast},
          {"beta_slow", s.beta_slow},
          {"truncate", s.truncate},
          {"attention_factor", s.attention_factor},
          {"original_max_position_embeddings", s.original_max_positions}};
}

}  // namespace

Result<ModelConfig> read_common(const Json& json) {
  ModelConfig c;
  R1_RETURN_IF_ERROR(require_value(json, "hidden_act", {"silu"}));
  R1_TRY(const int64_t tp, get<int64_t>(json, "pretraining_tp", 1));
  if (tp > 1) return fail("config.json: pretraining_tp {} is not implemented; only 1", tp);
  R1_TRY(c.vocab_size, get<int64_t>(json, "vocab_size", 0));
  R1_TRY(c.d_model, get<int64_t>(json, "hidden_size", 0));
  R1_TRY(c.n_layers, get<int64_t>(json, "num_hidden_layers", 0));
  R1_TRY(c.n_heads, get<int64_t>(json, "num_attention_heads", 0));
  R1_TRY(c.n_kv_heads, get<int64_t>(json, "num_key_value_heads", c.n_heads));
  R1_TRY(c.head_dim, get<int64_t>(json, "head_dim", c.n_heads > 0 ? c.d_model / c.n_heads : 0));
  R1_TRY(c.d_ff, get<int64_t>(json, "intermediate_size", 0));
  R1_TRY(c.max_positions, get<int64_t>(json, "max_position_embeddings", 2048));
  R1_TRY(c.rope_theta, get<double>(json, "rope_theta", 10000.0));
  R1_TRY(const double eps, get<double>(json, "rms_norm_eps", 1e-6));
  c.norm_eps = static_cast<float>(eps);
  R1_TRY(c.tie_word_embeddings, get<bool>(json, "tie_word_embeddings", false));
  R1_RETURN_IF_ERROR(read_rope(json, c));
  R1_RETURN_IF_ERROR(read_tokens(json, c));
  return c;
}

Result<void> refuse_if_set(const Json& json, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    R1_TRY(const bool set, get<bool>(json, key, false));
    if (set) return fail("config.json: {} = true is not implemented for this family", key);
  }
  return {};
}

Result<void> require_value(const Json& json, const char* key,
                           std::initializer_list<const char*> allowed) {
  R1_TRY(const std::string value, get<std::string>(json, key, *allowed.begin()));
  std::string known;
  for (const char* one : allowed) {
    if (value == one) return {};
    known += (known.empty() ? "" : ", ") + std::string(one);
  }
  return fail("config.json: {} '{}' is not implemented; implemented: {}", key, value, known);
}

Result<void> refuse_sliding_window(const Json& json, int64_t n_layers) {
  const auto types = json.find("layer_types");
  if (types != json.end() && types->is_array()) {
    for (const auto& type : *types) {
      if (type == "full_attention") continue;
      return fail("config.json: layer_types {} is not implemented; only full_attention",
                  type.dump());
    }
    return {};
  }
  R1_TRY(const bool use, get<bool>(json, "use_sliding_window", false));
  if (!use) return {};
  R1_TRY(const int64_t first, get<int64_t>(json, "max_window_layers", 28));
  if (first >= n_layers) return {};
  return fail("config.json: use_sliding_window from layer {} on is not implemented", first);
}

Result<double> rope_number(const Json& json, const char* key, double otherwise) {
  const Json* rope = rope_object(json);
  return rope && rope->is_object() ? get<double>(*rope, key, otherwise) : otherwise;
}

Json write_common(const ModelConfig& c, const std::string& model_type, const std::string& dtype) {
  Json json{{"architectures", {c.architecture}},
            {"model_type", model_type},
            {"hidden_act", "silu"},
            {"hidden_size", c.d_model},
            {"intermediate_size", c.d_ff},
            {"max_position_embeddings", c.max_positions},
            {"num_attention_heads", c.n_heads},
            {"num_hidden_layers", c.n_layers},
            {"num_key_value_heads", c.n_kv_heads},
            {"rms_norm_eps", c.norm_eps},
            {"rope_scaling", write_rope(c.rope_scaling)},
            {"rope_theta", c.rope_theta},
            {"tie_word_embeddings", c.tie_word_embeddings},
            {"torch_dtype", dtype},
            {"vocab_size", c.vocab_size}};
  if (c.bos_token_id >= 0) json["bos_token_id"] = c.bos_token_id;
  if (c.eos_token_ids.size() == 1) json["eos_token_id"] = c.eos_token_ids[0];
  if (c.eos_token_ids.size() > 1) json["eos_token_id"] = c.eos_token_ids;
  return json;
}

}  // namespace r1::config_json
