// config.json to metadata. The other way is in gguf_config_read.cpp.
#include "models/gguf_config.h"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/log.h"
#include "checkpoint/strict_json.h"

namespace r1 {
namespace {

using nlohmann::json;

struct ArchitectureRow {
  const char* hugging_face;
  const char* gguf;
};

constexpr std::array kArchitectures = {ArchitectureRow{"LlamaForCausalLM", "llama"},
                                       ArchitectureRow{"Qwen2ForCausalLM", "qwen2"},
                                       ArchitectureRow{"Qwen3ForCausalLM", "qwen3"},
                                       ArchitectureRow{"Qwen3MoeForCausalLM", "qwen3moe"},
                                       ArchitectureRow{"DeepseekV2ForCausalLM", "deepseek2"},
                                       ArchitectureRow{"DeepseekV3ForCausalLM", "deepseek2"}};

/// Reads fields of config.json; remembers the first that is wrong.
class Config {
 public:
  explicit Config(json root) : root_(std::move(root)) {}

  const json& at(const char* key) const {
    static const json none;
    const auto found = root_.find(key);
    return found == root_.end() ? none : *found;
  }
  bool has(const char* key) const { return !at(key).is_null(); }

  int64_t integer(const char* key, std::optional<int64_t> otherwise = {}) {
    const json& value = at(key);
    if (value.is_null() && otherwise) return *otherwise;
    const bool is_good =
        value.is_number_integer() && value.get<int64_t>() >= 0 && value.get<int64_t>() <= INT32_MAX;
    if (is_good) return value.get<int64_t>();
    complain(key, "must be a whole number from 0 to 2^31 - 1");
    return 1;
  }
  double number(const char* key, std::optional<double> otherwise = {}) {
    const json& value = at(key);
    if (value.is_null() && otherwise) return *otherwise;
    if (value.is_number()) return value.get<double>();
    complain(key, "must be a number");
    return 1;
  }
  bool flag(const char* key, bool otherwise) {
    const json& value = at(key);
    if (value.is_boolean()) return value.get<bool>();
    if (!value.is_null()) complain(key, "must be true or false");
    return otherwise;
  }
  std::string text(const char* key, const std::string& otherwise) {
    const json& value = at(key);
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_null()) complain(key, "must be a text");
    return otherwise;
  }
  void complain(const std::string& key, const std::string& what) {
    if (problem_.empty()) problem_ = fmt::format("config.json: {}: {}", key, what);
  }
  void refuse(bool is_wrong, const char* key) {
    if (is_wrong) {
      complain(key, fmt::format("{} cannot be said in GGUF; keep the Hugging Face folder",
                                at(key).dump()));
    }
  }
  Result<void> check() const {
    if (problem_.empty()) return {};
    return fail("{}", problem_);
  }

 private:
  json root_;
  std::string problem_;
};

/// Rotary positions, in the form of old files (rope_theta, rope_scaling) and of new ones
/// (rope_parameters).
struct Rope {
  double theta = 10000;
  std::string type = "default";
  json scaling = json::object();

  double number(const char* key, double otherwise) const {
    const auto found = scaling.find(key);
    return found != scaling.end() && found->is_number() ? found->get<double>() : otherwise;
  }
  bool has(const char* key) const { return scaling.contains(key) && !scaling[key].is_null(); }
};

Rope read_rope(Config& config) {
  Rope rope;
  rope.theta = config.number("rope_theta", 10000.0);
  const bool is_new = config.at("rope_parameters").is_object();
  const json& scaling = config.at(is_new ? "rope_parameters" : "rope_scaling");
  if (!scaling.is_object()) return rope;
  rope.scaling = scaling;
  if (is_new) rope.theta = rope.number("rope_theta", rope.theta);
  for (const char* key : {"type", "rope_type"}) {
    if (scaling.contains(key) && scaling[key].is_string()) rope.type = scaling[key];
  }
  return rope;
}

Result<Config> parse_config(const std::string& text) {
  auto parsed = parse_strict_json(text);
  if (!parsed) return fail_with(parsed.error().with("config.json"));
  if (!parsed->is_object()) return fail("config.json: must be an object");
  return Config(std::move(*parsed));
}

Result<std::string> architecture_of(const Config& config) {
  const json& list = config.at("architectures");
  const std::string name =
      list.is_array() && !list.empty() && list[0].is_string() ? list[0].get<std::string>() : "";
  std::string known;
  for (const ArchitectureRow& row : kArchitectures) {
    if (name == row.hugging_face) return std::string(row.gguf);
    known += fmt::format("{}{}", known.empty() ? "" : ", ", row.hugging_face);
  }
  return fail("config.json: architectures: '{}' cannot be written as GGUF; known: {}", name, known);
}

int64_t head_dim_of(Config& config) {
  const int64_t n_heads = config.integer("num_attention_heads");
  if (n_heads == 0) config.complain("num_attention_heads", "must not be 0");
  return config.integer("head_dim", config.integer("hidden_size") / std::max<int64_t>(1, n_heads));
}

/// Llama 3's four numbers; false after complaining when one is missing.
bool llama3_numbers(Config& config, const Rope& rope, std::array<double, 4>& numbers) {
  constexpr std::array kKeys = {"factor", "low_freq_factor", "high_freq_factor",
                                "original_max_position_embeddings"};
  for (size_t i = 0; i < kKeys.size(); ++i) {
    numbers[i] = rope.number(kKeys[i], 0);
    if (numbers[i] <= 0) {
      config.complain("rope_scaling", fmt::format("llama3 needs a positive {}", kKeys[i]));
      return false;
    }
  }
  if (numbers[2] > numbers[1]) return true;
  config.complain("rope_scaling", "high_freq_factor must be above low_freq_factor");
  return false;
}

void check_values(Config& config, const std::string& architecture) {
  config.refuse(config.text("hidden_act", "silu") != "silu", "hidden_act");
  config.refuse(config.flag("use_sliding_window", false), "use_sliding_window");
  config.refuse(config.number("partial_rotary_factor", 1.0) != 1.0, "partial_rotary_factor");
  if (architecture == "qwen3moe") {
    config.refuse(config.integer("decoder_sparse_step", 1) != 1, "decoder_sparse_step");
    const json& dense = config.at("mlp_only_layers");
    config.refuse(dense.is_array() && !dense.empty(), "mlp_only_layers");
  }
  if (architecture == "deepseek2") {
    config.refuse(config.integer("moe_layer_freq", 1) != 1, "moe_layer_freq");
    config.refuse(!config.flag("rope_interleave", true), "rope_interleave");
  }
}

/// Keys under ARCHITECTURE.
class Keys {
 public:
  Keys(GgufMetadata& metadata, std::string architecture)
      : metadata_(metadata), prefix_(std::move(architecture) + ".") {}
  void u32(const char* key, int64_t x) { metadata_.set(prefix_ + key, GgufValue::u32(x)); }
  void f32(const char* key, double x) { metadata_.set(prefix_ + key, GgufValue::f32(x)); }
  void flag(const char* key, bool x) { metadata_.set(prefix_ + key, GgufValue::boolean(x)); }
  void text(const char* key, const char* x) { metadata_.set(prefix_ + key, GgufValue::text(x)); }

 private:
  GgufMetadata& metadata_;
  std::string prefix_;
};

void add_yarn(Config& config, const Rope& rope, bool is_mla, Keys& keys) {
  keys.text("rope.scaling.type", "yarn");
  keys.f32("rope.scaling.factor", rope.number("factor", 1));
  keys.u32("rope.scaling.original_context_length",
           static_cast<int64_t>(rope.number("original_max_position_embeddings",
                                            config.number("max_position_embeddings"))));
  if (rope.has("beta_fast")) keys.f32("rope.scaling.yarn_beta_fast", rope.number("beta_fast", 32));
  if (rope.has("beta_slow")) keys.f32("rope.scaling.yarn_beta_slow", rope.number("beta_slow", 1));
  const double all = rope.number("mscale_all_dim", 0), mscale = rope.number("mscale", 0);
  const double usual = 0.1 * std::log(std::max(1.0, rope.number("factor", 1))) + 1;
  const bool is_odd = (rope.has("attention_factor") &&
                       std::fabs(rope.number("attention_factor", usual) - usual) > 1e-6) ||
                      (rope.has("truncate") && rope.scaling["truncate"] == false) ||
                      (!is_mla && all != 0);
  config.refuse(is_odd, config.has("rope_parameters") ? "rope_parameters" : "rope_scaling");
  // llama.cpp multiplies the logits' scale by (1 + this * ln factor)².
  if (is_mla && all != 0) keys.f32("rope.scaling.yarn_log_multiplier", 0.1 * all);
  if (mscale == 0 || all == 0 || mscale == all) return;
  log_warn("mscale {} differs from mscale_all_dim {}: only r1 reads that from a GGUF file", mscale,
           all);
  keys.f32("rope.scaling.yarn_mscale", mscale);
}

void add_rope(Config& config, bool is_mla, Keys& keys) {
  const Rope rope = read_rope(config);
  keys.f32("rope.freq_base", rope.theta);
  if (rope.type == "linear") {
    keys.text("rope.scaling.type", "linear");
    keys.f32("rope.scaling.factor", rope.number("factor", 1));
  } else if (rope.type == "yarn") {
    add_yarn(config, rope, is_mla, keys);
  } else if (rope.type == "llama3") {  // a tensor says it: rope_freqs.weight
    keys.u32("rope.scaling.original_context_length",
             static_cast<int64_t>(rope.number("original_max_position_embeddings", 8192)));
    keys.f32("rope.scaling.low_freq_factor", rope.number("low_freq_factor", 1));
    keys.f32("rope.scaling.high_freq_factor", rope.number("high_freq_factor", 4));
  } else if (rope.type != "default") {
    config.complain("rope_scaling", fmt::format("type '{}' cannot be said in GGUF", rope.type));
  }
}

void add_mla(Config& config, Keys& keys) {
  const int64_t rank = config.integer("kv_lora_rank"), rope = config.integer("qk_rope_head_dim");
  // As llama.cpp computes it: one key head of the latent and the rotated part.
  keys.u32("attention.head_count_kv", 1);
  if (config.has("q_lora_rank")) keys.u32("attention.q_lora_rank", config.integer("q_lora_rank"));
  keys.u32("attention.kv_lora_rank", rank);
  keys.u32("attention.key_length", rank + rope);
  keys.u32("attention.value_length", rank);
  keys.u32("attention.key_length_mla", config.integer("qk_nope_head_dim") + rope);
  keys.u32("attention.value_length_mla", config.integer("v_head_dim"));
  keys.u32("rope.dimension_count", rope);
}

void add_deepseek_experts(Config& config, Keys& keys) {
  const bool is_v3 = config.at("architectures")[0] == "DeepseekV3ForCausalLM";
  keys.u32("leading_dense_block_count", config.integer("first_k_dense_replace", 0));
  keys.u32("expert_count", config.integer("n_routed_experts"));
  keys.u32("expert_used_count", config.integer("num_experts_per_tok"));
  keys.u32("expert_shared_count", config.integer("n_shared_experts", 0));
  keys.u32("expert_feed_forward_length", config.integer("moe_intermediate_size"));
  keys.f32("expert_weights_scale", config.number("routed_scaling_factor", 1.0));
  keys.flag("expert_weights_norm", config.flag("norm_topk_prob", is_v3));
  const bool is_sigmoid = config.text("scoring_func", is_v3 ? "sigmoid" : "softmax") == "sigmoid";
  keys.u32("expert_gating_func", is_sigmoid ? 2 : 1);
  const std::string method = config.text("topk_method", is_v3 ? "noaux_tc" : "greedy");
  if (method == "greedy") return;
  keys.u32("expert_group_count", config.integer("n_group", 1));
  keys.u32("expert_group_used_count", config.integer("topk_group", 1));
}

void add_qwen_experts(Config& config, Keys& keys) {
  keys.u32("expert_count", config.integer("num_experts"));
  keys.u32("expert_used_count", config.integer("num_experts_per_tok"));
  keys.u32("expert_feed_forward_length", config.integer("moe_intermediate_size"));
  const bool norm = config.flag("norm_topk_prob", false);
  keys.flag("expert_weights_norm", norm);
  if (!norm) {
    log_warn("norm_topk_prob is false: other programs always normalise the experts of qwen3moe");
  }
}

}  // namespace

std::vector<float> llama3_rope_factors(double theta, int64_t head_dim, double factor, double low,
                                       double high, double original_positions) {
  std::vector<float> factors(head_dim / 2);
  for (int64_t i = 0; i < head_dim / 2; ++i) {
    const double frequency = std::pow(theta, -2.0 * static_cast<double>(i) / head_dim);
    const double turns = original_positions * frequency / (2 * M_PI);  // over those positions
    const double smooth = (turns - low) / (high - low);
    const double divisor = turns > high  ? 1.0
                           : turns < low ? factor
                                         : 1.0 / ((1 - smooth) / factor + smooth);
    factors[i] = static_cast<float>(divisor);
  }
  return factors;
}

Result<GgufShape> read_gguf_shape(const std::string& config_json) {
  R1_TRY(Config config, parse_config(config_json));
  GgufShape shape;
  R1_TRY(shape.architecture, architecture_of(config));
  check_values(config, shape.architecture);
  shape.n_layers = config.integer("num_hidden_layers");
  shape.n_heads = config.integer("num_attention_heads");
  shape.n_kv_heads = config.integer("num_key_value_heads", shape.n_heads);
  shape.is_tied = config.flag("tie_word_embeddings", false);
  if (shape.architecture == "deepseek2") {
    shape.n_nextn = config.integer("num_nextn_predict_layers", 0);
    shape.n_experts = config.integer("n_routed_experts");
    shape.kv_lora_rank = config.integer("kv_lora_rank");
    shape.qk_nope_head_dim = config.integer("qk_nope_head_dim");
    shape.qk_rope_head_dim = config.integer("qk_rope_head_dim");
    shape.v_head_dim = config.integer("v_head_dim");
  } else {
    shape.head_dim = head_dim_of(config);
    if (shape.head_dim < 2 || shape.head_dim > 65536 || shape.head_dim % 2 != 0) {
      config.complain("head_dim", "must be even and from 2 to 65536");
      shape.head_dim = 2;
    }
    if (shape.architecture == "qwen3moe") shape.n_experts = config.integer("num_experts");
    const Rope rope = read_rope(config);
    std::array<double, 4> n{};
    if (rope.type == "llama3" && llama3_numbers(config, rope, n)) {
      shape.rope_factors = llama3_rope_factors(rope.theta, shape.head_dim, n[0], n[1], n[2], n[3]);
    }
  }
  R1_RETURN_IF_ERROR(config.check());
  return shape;
}

Result<GgufMetadata> gguf_metadata_of_config(const std::string& config_json, bool keeps_nextn) {
  R1_TRY(Config config, parse_config(config_json));
  R1_TRY(const GgufShape shape, read_gguf_shape(config_json));
  const bool is_mla = shape.architecture == "deepseek2";
  GgufMetadata metadata;
  metadata.set("general.architecture", GgufValue::text(shape.architecture));
  Keys keys(metadata, shape.architecture);
  keys.u32("block_count", shape.n_layers + (keeps_nextn ? shape.n_nextn : 0));
  if (keeps_nextn && shape.n_nextn > 0) keys.u32("nextn_predict_layers", shape.n_nextn);
  keys.u32("vocab_size", config.integer("vocab_size"));
  keys.u32("context_length", config.integer("max_position_embeddings"));
  keys.u32("embedding_length", config.integer("hidden_size"));
  keys.u32("feed_forward_length", config.integer("intermediate_size"));
  keys.u32("attention.head_count", shape.n_heads);
  keys.f32("attention.layer_norm_rms_epsilon", config.number("rms_norm_eps", 1e-6));
  add_rope(config, is_mla, keys);
  if (is_mla) {
    add_mla(config, keys);
    add_deepseek_experts(config, keys);
  } else {
    keys.u32("attention.head_count_kv", shape.n_kv_heads);
    keys.u32("attention.key_length", shape.head_dim);
    keys.u32("attention.value_length", shape.head_dim);
    keys.u32("rope.dimension_count", shape.head_dim);
  }
  if (shape.architecture == "qwen3moe") add_qwen_experts(config, keys);
  R1_RETURN_IF_ERROR(config.check());
  return metadata;
}

}  // namespace r1
