// adapter_config.json, read and written.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "models/config_json.h"
#include "models/peft.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

/// What has no say in the computation of a loaded adapter, or is read below.
constexpr const char* kHarmless[] = {"auto_mapping",
                                     "base_model_name_or_path",
                                     "bias",
                                     "corda_config",
                                     "eva_config",
                                     "ensure_weight_tying",
                                     "inference_mode",
                                     "init_lora_weights",
                                     "loftq_config",
                                     "lora_alpha",
                                     "lora_dropout",
                                     "lora_ga_config",
                                     "layers_pattern",
                                     "megatron_core",
                                     "peft_type",
                                     "peft_version",
                                     "qalora_group_size",
                                     "r",
                                     "revision",
                                     "runtime_config",
                                     "target_modules",
                                     "task_type",
                                     "use_rslora"};

template <class T>
Result<T> get(const Json& json, const char* key, T otherwise) {
  return config_json::get<T>(json, key, otherwise, "adapter_config.json");
}

Result<void> require(const Json& json, const char* key, const std::string& only) {
  R1_TRY(const std::string value, get<std::string>(json, key, only));
  if (value == only) return {};
  return fail("adapter_config.json: {} '{}' is not implemented; implemented: {}", key, value, only);
}

bool is_off(const Json& value) {
  return value.is_null() || value == false ||
         ((value.is_object() || value.is_array() || value.is_string()) &&
          (value.empty() || value == ""));
}

Result<void> refuse_the_rest(const Json& json) {
  for (const auto& [key, value] : json.items()) {
    const bool known =
        std::find(std::begin(kHarmless), std::end(kHarmless), key) != std::end(kHarmless);
    if (known || is_off(value)) continue;
    return fail(
        "adapter_config.json: {} = {} is not implemented; merge the adapter with PEFT "
        "(merge_and_unload) and use the merged model",
        key, value.dump());
  }
  return {};
}

/// Beginnings such as PiSSA's move parts of the base into the adapter.
Result<void> check_beginning(const Json& json) {
  const auto it = json.find("init_lora_weights");
  if (it == json.end() || it->is_null() || it->is_boolean()) return {};
  for (const char* name : {"gaussian", "eva", "orthogonal"}) {
    if (*it == name) return {};
  }
  return fail("adapter_config.json: init_lora_weights = {} changes the base and is not implemented",
              it->dump());
}

Result<std::vector<std::string>> read_targets(const Json& json) {
  std::vector<std::string> targets;
  const auto it = json.find("target_modules");
  if (it == json.end() || it->is_null() || it->is_string()) return targets;
  if (it->is_array()) {
    for (const Json& name : *it) {
      if (!name.is_string()) break;
      targets.push_back(name.get<std::string>());
    }
    if (targets.size() == it->size()) return targets;
  }
  return fail("adapter_config.json: target_modules is {}; it is a list of names", it->dump());
}

}  // namespace

Result<LoraConfig> read_lora_config(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail("adapter_config.json is not a JSON object");
  R1_RETURN_IF_ERROR(require(json, "peft_type", "LORA"));
  R1_RETURN_IF_ERROR(require(json, "task_type", "CAUSAL_LM"));
  R1_RETURN_IF_ERROR(require(json, "bias", "none"));
  R1_RETURN_IF_ERROR(check_beginning(json));
  R1_RETURN_IF_ERROR(refuse_the_rest(json));
  LoraConfig lora;
  R1_TRY(lora.r, get<int64_t>(json, "r", 8));
  R1_TRY(lora.lora_alpha, get<double>(json, "lora_alpha", 8.0));
  R1_TRY(lora.lora_dropout, get<double>(json, "lora_dropout", 0.0));
  R1_TRY(lora.use_rslora, get<bool>(json, "use_rslora", false));
  R1_TRY(lora.base_model_name_or_path, get<std::string>(json, "base_model_name_or_path", ""));
  R1_TRY(lora.target_modules, read_targets(json));
  if (lora.r < 1) return fail("adapter_config.json: r is {}; it must be at least 1", lora.r);
  return lora;
}

std::string write_lora_config(const Transformer& model) {
  const LoraConfig& lora = model.lora();
  const auto& given = lora.target_modules;
  std::set<std::string> targets(given.begin(), given.end());
  if (targets.erase("all-linear") > 0) {
    for (const Parameter* p : model.trained().parameters()) {
      const std::string module = p->name.substr(0, p->name.find(".lora_"));
      targets.insert(module.substr(module.rfind('.') + 1));
    }
  }
  const bool whole = lora.lora_alpha == std::floor(lora.lora_alpha);
  const Json alpha = whole ? Json(static_cast<int64_t>(lora.lora_alpha)) : Json(lora.lora_alpha);
  const Json json{{"peft_type", "LORA"},
                  {"task_type", "CAUSAL_LM"},
                  {"base_model_name_or_path", lora.base_model_name_or_path},
                  {"r", lora.r},
                  {"lora_alpha", alpha},
                  {"target_modules", targets},
                  {"lora_dropout", 0.0},
                  {"bias", "none"},
                  {"fan_in_fan_out", false},
                  {"use_rslora", lora.use_rslora},
                  {"use_dora", false},
                  {"modules_to_save", nullptr},
                  {"init_lora_weights", true},
                  {"inference_mode", true}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace r1
