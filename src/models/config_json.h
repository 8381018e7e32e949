// Reading config.json field by field: what the families share. Errors name the field.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>

#include "models/config.h"

namespace r1::config_json {

using Json = nlohmann::ordered_json;

/// A field, or `otherwise` when it is absent or null. file: what errors call the document.
template <class T>
Result<T> get(const Json& json, const char* key, T otherwise, const char* file = "config.json") {
  const auto it = json.find(key);
  if (it == json.end() || it->is_null()) return otherwise;
  const bool fits = std::is_same_v<T, bool>       ? it->is_boolean()
                    : std::is_integral_v<T>       ? it->is_number_integer()
                    : std::is_floating_point_v<T> ? it->is_number()
                                                  : it->is_string();
  if (!fits) return fail("{}: {} has the wrong type: {}", file, key, it->dump());
  return it->get<T>();
}

/// Sizes, norms, tokens and rotary positions: the fields that every family has.
Result<ModelConfig> read_common(const Json& json);

/// A flag that would change the computation in a way that is not implemented.
Result<void> refuse_if_set(const Json& json, std::initializer_list<const char*> keys);
/// Only one value of a string field is implemented; absent means that one.
Result<void> require_value(const Json& json, const char* key,
                           std::initializer_list<const char*> allowed);
/// Sliding windows of Qwen: fine when no layer uses one.
Result<void> refuse_sliding_window(const Json& json, int64_t n_layers);

/// mscale and mscale_all_dim of rope_scaling or rope_parameters; 0 when absent.
Result<double> rope_number(const Json& json, const char* key, double otherwise);

/// The fields of read_common, for a model made here.
Json write_common(const ModelConfig& config, const std::string& model_type,
                  const std::string& dtype);

}  // namespace r1::config_json
