// r1 inspect --json: the same findings for programs.
#include <nlohmann/json.hpp>

#include "cli/inspect_findings.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

Json bytes_json(const NamedBytes& bytes) {
  Json json = Json::object();
  for (const auto& [name, n] : bytes) json[name] = n;
  return json;
}

Json parameters_json(const Findings& f) {
  Json parts = Json::object();
  for (const PartCount& part : f.parts) {
    parts[part.name] = {{"total", part.total}, {"activated", part.activated}};
  }
  const PartCount sum = sum_of(f.parts);
  return {{"total", sum.total}, {"activated", sum.activated}, {"mtp", f.n_mtp}, {"parts", parts}};
}

Json stored_json(const Findings& f) {
  Json types = Json::object();
  for (const StoredTotal& t : stored_totals(*f.look.weights)) {
    types[stored_dtype_name(t.dtype)] = {{"tensors", t.n_tensors}, {"bytes", t.n_bytes}};
  }
  Json json{{"elements", stored_elements(*f.look.weights)}, {"dtypes", types}};
  if (f.n_fp8 > 0) {
    json["fp8"] = {{"matrices", f.n_fp8}, {"block", {f.fp8_rows, f.fp8_cols}}};
  }
  return json;
}

Json memory_json(const MemoryFindings& m) {
  return {{"run", bytes_json(m.run)},
          {"kv_cache_per_1000_tokens", {{"bf16", m.kv_bf16}, {"f32", m.kv_f32}}},
          {"train", bytes_json(m.train)},
          {"activations", {{"tokens", m.n_tokens}, {"bytes", m.activations}}}};
}

Json tensors_json(const std::vector<TensorGroup>& tensors) {
  Json json = Json::array();
  for (const TensorGroup& t : tensors) {
    json.push_back({{"name", t.name},
                    {"dtype", stored_dtype_name(t.dtype)},
                    {"shape", t.shape},
                    {"tensors", t.n_tensors},
                    {"bytes", t.n_bytes}});
  }
  return json;
}

}  // namespace

std::string inspect_json(const Findings& f) {
  Json json{{"path", f.path}, {"form", f.look.kind}, {"warnings", f.look.warnings}};
  if (f.look.adapter) {
    const LoraConfig& lora = *f.look.adapter;
    json["adapter"] = {{"base_model_name_or_path", lora.base_model_name_or_path},
                       {"r", lora.r},
                       {"lora_alpha", lora.lora_alpha},
                       {"scale", lora.scale()},
                       {"target_modules", lora.target_modules},
                       {"modules", f.look.adapted}};
  }
  if (f.look.plan) {
    json["config"] = Json::parse(f.look.assets.at("config.json"), nullptr, false);
    json["parameters"] = parameters_json(f);
  }
  if (!f.look.assets.empty()) {
    json["tokenizer"] = {{"kind", f.tokenizer.kind},
                         {"tokens", f.tokenizer.n_tokens},
                         {"chat_template", f.tokenizer.has_chat_template}};
  }
  if (f.look.weights) {
    json["stored"] = stored_json(f);
    json["tensors"] = tensors_json(f.tensors);
  }
  if (f.memory) json["memory"] = memory_json(*f.memory);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace r1
