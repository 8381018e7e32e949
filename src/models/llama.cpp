// Llama 2 and 3: RMSNorm, rotary positions (linear, llama3 and yarn scaling), grouped-query
// attention, SwiGLU.
#include "models/config_json.h"
#include "models/family.h"

namespace r1 {
namespace {

using namespace config_json;

Result<ModelConfig> read_config(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  R1_TRY(ModelConfig c, read_common(json));
  c.architecture = "LlamaForCausalLM";
  R1_TRY(c.qkv_bias, get<bool>(json, "attention_bias", false));
  c.o_bias = c.qkv_bias;
  R1_TRY(c.mlp_bias, get<bool>(json, "mlp_bias", false));
  return c;
}

std::string write_config(const ModelConfig& c, const std::string& dtype) {
  Json json = write_common(c, "llama", dtype);
  json["head_dim"] = c.head_dim;
  json["attention_bias"] = c.qkv_bias;
  json["mlp_bias"] = c.mlp_bias;
  return json.dump(2) + "\n";
}

}  // namespace

const Family kLlama{"LlamaForCausalLM", read_config, write_config};

}  // namespace r1
