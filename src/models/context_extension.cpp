#include "models/context_extension.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "models/family.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

/// The key that speaks of positions: rope_parameters in files of transformers 5.
const char* rope_key(const Json& config) {
  const bool is_new = config.contains("rope_parameters") && config["rope_parameters"].is_object();
  const bool is_old = config.contains("rope_scaling") && config["rope_scaling"].is_object();
  return is_new && !is_old ? "rope_parameters" : "rope_scaling";
}

/// Positions before any extension.
int64_t original_positions(const ModelConfig& c) {
  return c.rope_scaling.kind == RopeScaling::Kind::kNone ? c.max_positions
                                                         : c.rope_scaling.original_max_positions;
}

Json scaling_of(const ContextExtension& e, const Json& before, int64_t original, double factor,
                bool is_deepseek) {
  Json rope;
  if (before.contains("rope_theta")) rope["rope_theta"] = before["rope_theta"];
  rope["rope_type"] = e.rope_scaling;
  if (is_deepseek) rope["type"] = e.rope_scaling;  // the name in its own code
  rope["factor"] = factor;
  rope["original_max_position_embeddings"] = original;
  if (e.rope_scaling != "yarn") return rope;
  rope["beta_fast"] = e.rope_beta_fast;
  rope["beta_slow"] = e.rope_beta_slow;
  if (!is_deepseek) return rope;  // cos and sin times 0.1 ln(factor) + 1, as no key says otherwise
  for (const char* key : {"mscale", "mscale_all_dim"}) {
    const bool is_known = before.contains(key) && before[key].is_number();
    rope[key] = is_known ? before[key] : Json(1.0);
  }
  return rope;
}

}  // namespace

Result<std::string> extend_config(const std::string& config_json, const ContextExtension& e) {
  if (e.rope_scaling != "yarn" && e.rope_scaling != "linear")
    return fail("rope_scaling is '{}'; it is yarn or linear", e.rope_scaling);
  R1_TRY(const ModelConfig before, read_model_config(config_json));
  const int64_t original = original_positions(before);
  const double scale = static_cast<double>(original);
  if (e.max_position_embeddings <= 0 && !(e.rope_factor > 1)) {
    return fail("rope_scaling {} needs max_position_embeddings, or a rope_factor above 1",
                e.rope_scaling);
  }
  const int64_t positions = e.max_position_embeddings > 0 ? e.max_position_embeddings
                                                          : std::llround(scale * e.rope_factor);
  const double factor = e.rope_factor > 0 ? e.rope_factor : static_cast<double>(positions) / scale;
  if (positions < original || !(factor >= 1)) {
    return fail("{} positions with rope_factor {}; the model was trained on {}", positions, factor,
                original);
  }
  Json config = Json::parse(config_json, nullptr, false);
  const char* key = rope_key(config);
  const Json old = config.contains(key) && config[key].is_object() ? config[key] : Json::object();
  config[key] = scaling_of(e, old, original, factor, before.architecture.starts_with("Deepseek"));
  config["max_position_embeddings"] = positions;
  std::string text = config.dump(2) + "\n";
  R1_RETURN_IF_ERROR(read_model_config(text));
  return text;
}

std::string extend_tokenizer_config(const std::string& text, int64_t max_positions) {
  Json json = Json::parse(text, nullptr, false);
  const char* key = "model_max_length";
  if (!json.is_object() || !json.contains(key) || !json[key].is_number_integer()) return text;
  if (json[key].get<int64_t>() >= max_positions) return text;
  json[key] = max_positions;
  return json.dump(2) + "\n";
}

}  // namespace r1
