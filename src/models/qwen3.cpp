// Qwen 3, dense and with experts: a norm on every head's query and key, no shared experts.
#include "models/config_json.h"
#include "models/family.h"

namespace r1 {
namespace {

using namespace config_json;

Result<ModelConfig> read_attention(const Json& json) {
  R1_TRY(ModelConfig c, read_common(json));
  c.qk_norm = true;
  R1_TRY(c.head_dim, get<int64_t>(json, "head_dim", 128));
  R1_TRY(c.qkv_bias, get<bool>(json, "attention_bias", false));
  c.o_bias = c.qkv_bias;
  R1_RETURN_IF_ERROR(refuse_sliding_window(json, c.n_layers));
  return c;
}

Json write_attention(const ModelConfig& c, const std::string& model_type,
                     const std::string& dtype) {
  Json json = write_common(c, model_type, dtype);
  json["head_dim"] = c.head_dim;
  json["attention_bias"] = c.qkv_bias;
  json["use_sliding_window"] = false;
  return json;
}

Result<ModelConfig> read_dense(const std::string& text) {
  R1_TRY(ModelConfig c, read_attention(Json::parse(text, nullptr, false)));
  c.architecture = "Qwen3ForCausalLM";
  return c;
}

std::string write_dense(const ModelConfig& c, const std::string& dtype) {
  return write_attention(c, "qwen3", dtype).dump(2) + "\n";
}

/// Layer i has experts unless it is listed in mlp_only_layers or skipped by decoder_sparse_step.
Result<std::vector<bool>> sparse_layers(const Json& json, int64_t n_layers) {
  R1_TRY(const int64_t step, get<int64_t>(json, "decoder_sparse_step", 1));
  if (step < 1) return fail("config.json: decoder_sparse_step is {}; it must be at least 1", step);
  std::vector<bool> sparse(static_cast<size_t>(std::max<int64_t>(n_layers, 0)));
  for (size_t i = 0; i < sparse.size(); ++i) sparse[i] = (i + 1) % static_cast<size_t>(step) == 0;
  const auto only = json.find("mlp_only_layers");
  if (only == json.end() || only->is_null()) return sparse;
  for (const auto& layer : *only) {
    if (!layer.is_number_unsigned()) return fail("config.json: mlp_only_layers: {}", layer.dump());
    if (layer.get<uint64_t>() < sparse.size()) sparse[layer.get<uint64_t>()] = false;
  }
  return sparse;
}

Result<ModelConfig> read_moe(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  R1_TRY(ModelConfig c, read_attention(json));
  c.architecture = "Qwen3MoeForCausalLM";
  Routing& r = c.moe.routing;
  r.scoring = Routing::Scoring::kSoftmax;
  R1_TRY(const int64_t newer_name, get<int64_t>(json, "num_local_experts", 128));
  R1_TRY(r.n_experts, get<int64_t>(json, "num_experts", newer_name));
  R1_TRY(r.top_k, get<int64_t>(json, "num_experts_per_tok", 8));
  R1_TRY(r.norm_topk_prob, get<bool>(json, "norm_topk_prob", false));
  R1_TRY(c.moe.d_ff, get<int64_t>(json, "moe_intermediate_size", 768));
  if (c.n_layers > 0 && c.n_layers <= kMostLayers) {
    R1_TRY(c.moe.sparse, sparse_layers(json, c.n_layers));
  }
  return c;
}

std::string write_moe(const ModelConfig& c, const std::string& dtype) {
  Json json = write_attention(c, "qwen3_moe", dtype);
  json["num_experts"] = c.moe.routing.n_experts;
  json["num_experts_per_tok"] = c.moe.routing.top_k;
  json["norm_topk_prob"] = c.moe.routing.norm_topk_prob;
  json["moe_intermediate_size"] = c.moe.d_ff;
  json["decoder_sparse_step"] = 1;
  Json dense = Json::array();
  for (size_t i = 0; i < c.moe.sparse.size(); ++i) {
    if (!c.moe.sparse[i]) dense.push_back(i);
  }
  json["mlp_only_layers"] = dense;
  return json.dump(2) + "\n";
}

}  // namespace

const Family kQwen3{"Qwen3ForCausalLM", read_dense, write_dense};
const Family kQwen3Moe{"Qwen3MoeForCausalLM", read_moe, write_moe};

}  // namespace r1
