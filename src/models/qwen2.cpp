// Qwen 2 and 2.5: Llama with a bias on queries, keys and values.
#include "models/config_json.h"
#include "models/family.h"

namespace r1 {
namespace {

using namespace config_json;

Result<ModelConfig> read_config(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  R1_TRY(ModelConfig c, read_common(json));
  c.architecture = "Qwen2ForCausalLM";
  c.qkv_bias = true;  // always; no field of config.json says so
  R1_RETURN_IF_ERROR(refuse_sliding_window(json, c.n_layers));
  return c;
}

std::string write_config(const ModelConfig& c, const std::string& dtype) {
  Json json = write_common(c, "qwen2", dtype);
  json["head_dim"] = c.head_dim;
  json["use_sliding_window"] = false;
  return json.dump(2) + "\n";
}

}  // namespace

const Family kQwen2{"Qwen2ForCausalLM", read_config, write_config};

}  // namespace r1
