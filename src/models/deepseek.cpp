// DeepSeek V2, V2-Lite, V3 and R1: latent attention, fine-grained experts with shared ones, YaRN.
// [DeepSeek-V2, section 2; DeepSeek-V3, section 2]
#include <cmath>

#include "models/config_json.h"
#include "models/family.h"

namespace r1 {
namespace {

using namespace config_json;

Result<void> read_attention(const Json& json, ModelConfig& c) {
  R1_RETURN_IF_ERROR(refuse_if_set(json, {"attention_bias", "mlp_bias"}));
  R1_TRY(const bool adjacent, get<bool>(json, "rope_interleave", true));
  if (!adjacent) return fail("config.json: rope_interleave = false is not implemented");
  R1_TRY(c.mla.q_lora_rank, get<int64_t>(json, "q_lora_rank", 0));
  R1_TRY(c.mla.kv_lora_rank, get<int64_t>(json, "kv_lora_rank", 512));
  R1_TRY(c.mla.qk_nope_head_dim, get<int64_t>(json, "qk_nope_head_dim", 128));
  R1_TRY(c.mla.qk_rope_head_dim, get<int64_t>(json, "qk_rope_head_dim", 64));
  R1_TRY(c.mla.v_head_dim, get<int64_t>(json, "v_head_dim", 128));
  c.n_kv_heads = c.n_heads;
  c.head_dim = c.mla.qk_nope_head_dim + c.mla.qk_rope_head_dim;
  // The softmax scale is multiplied by mscale², which is easily forgotten.
  R1_TRY(const double all_dim, rope_number(json, "mscale_all_dim", 0.0));
  double mscale = 1.0;
  if (c.rope_scaling.kind != RopeScaling::Kind::kNone && c.rope_scaling.factor > 1) {
    mscale = 0.1 * all_dim * std::log(c.rope_scaling.factor) + 1.0;
  }
  c.attention_scale =
      static_cast<float>(mscale * mscale / std::sqrt(static_cast<double>(c.head_dim)));
  return {};
}

/// Sizes of the experts, and which layers have them.
Result<void> read_experts(const Json& json, ModelConfig& c) {
  R1_TRY(c.moe.routing.n_experts, get<int64_t>(json, "n_routed_experts", 0));
  if (c.moe.routing.n_experts == 0) return {};
  R1_TRY(c.moe.routing.top_k, get<int64_t>(json, "num_experts_per_tok", 0));
  R1_TRY(c.moe.d_ff, get<int64_t>(json, "moe_intermediate_size", 0));
  R1_TRY(const int64_t shared, get<int64_t>(json, "n_shared_experts", 0));
  c.moe.shared_d_ff = shared * c.moe.d_ff;
  R1_TRY(const int64_t dense, get<int64_t>(json, "first_k_dense_replace", 0));
  R1_TRY(const int64_t every, get<int64_t>(json, "moe_layer_freq", 1));
  if (every != 1) return fail("config.json: moe_layer_freq {} is not implemented; only 1", every);
  if (c.n_layers > 0 && c.n_layers <= kMostLayers) {
    for (int64_t i = 0; i < c.n_layers; ++i) c.moe.sparse.push_back(i >= dense);
  }
  R1_TRY(const double factor, get<double>(json, "routed_scaling_factor", 1.0));
  c.moe.routing.routed_scaling_factor = static_cast<float>(factor);
  R1_TRY(c.moe.routing.n_group, get<int64_t>(json, "n_group", 1));
  R1_TRY(c.moe.routing.topk_group, get<int64_t>(json, "topk_group", 1));
  return {};
}

Result<ModelConfig> read_v2(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  R1_TRY(ModelConfig c, read_common(json));
  c.architecture = "DeepseekV2ForCausalLM";
  R1_RETURN_IF_ERROR(read_attention(json, c));
  R1_RETURN_IF_ERROR(read_experts(json, c));
  R1_RETURN_IF_ERROR(require_value(json, "scoring_func", {"softmax"}));
  R1_RETURN_IF_ERROR(require_value(json, "topk_method", {"greedy", "group_limited_greedy"}));
  R1_RETURN_IF_ERROR(refuse_if_set(json, {"norm_topk_prob"}));
  R1_TRY(const std::string method, get<std::string>(json, "topk_method", "greedy"));
  Routing& r = c.moe.routing;
  r.scoring = Routing::Scoring::kSoftmax;
  r.group_score = Routing::GroupScore::kMax;
  if (method == "greedy") r.n_group = r.topk_group = 1;
  return c;
}

Result<ModelConfig> read_v3(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  R1_TRY(ModelConfig c, read_common(json));
  c.architecture = "DeepseekV3ForCausalLM";
  R1_RETURN_IF_ERROR(read_attention(json, c));
  R1_RETURN_IF_ERROR(read_experts(json, c));
  R1_RETURN_IF_ERROR(require_value(json, "scoring_func", {"sigmoid"}));
  R1_RETURN_IF_ERROR(require_value(json, "topk_method", {"noaux_tc"}));
  R1_TRY(c.n_mtp_layers, get<int64_t>(json, "num_nextn_predict_layers", 0));
  Routing& r = c.moe.routing;
  R1_TRY(r.norm_topk_prob, get<bool>(json, "norm_topk_prob", true));
  r.scoring = Routing::Scoring::kSigmoid;
  r.group_score = Routing::GroupScore::kTopTwo;
  c.moe.correction_bias = r.n_experts > 0;
  return c;
}

std::string write_config(const ModelConfig& c, const std::string& dtype) {
  const bool v3 = c.architecture == "DeepseekV3ForCausalLM";
  const Routing& r = c.moe.routing;
  Json json = write_common(c, v3 ? "deepseek_v3" : "deepseek_v2", dtype);
  json["attention_bias"] = false;
  json["q_lora_rank"] = c.mla.q_lora_rank > 0 ? Json(c.mla.q_lora_rank) : Json(nullptr);
  json["kv_lora_rank"] = c.mla.kv_lora_rank;
  json["qk_nope_head_dim"] = c.mla.qk_nope_head_dim;
  json["qk_rope_head_dim"] = c.mla.qk_rope_head_dim;
  json["v_head_dim"] = c.mla.v_head_dim;
  json["rope_interleave"] = true;
  if (c.n_mtp_layers > 0) json["num_nextn_predict_layers"] = c.n_mtp_layers;
  if (json["rope_scaling"].is_object()) {  // the softmax scale says what mscale_all_dim was
    const double ln = std::log(c.rope_scaling.factor);
    const double mscale =
        std::sqrt(static_cast<double>(c.attention_scale) * std::sqrt(1.0 * c.head_dim));
    const double all_dim = ln > 0 ? (mscale - 1.0) / (0.1 * ln) : 0.0;
    json["rope_scaling"]["mscale"] = json["rope_scaling"]["mscale_all_dim"] = all_dim;
  }
  if (r.n_experts == 0) return json.dump(2) + "\n";
  int64_t dense = 0;
  while (dense < c.n_layers && !c.moe.sparse[static_cast<size_t>(dense)]) ++dense;
  json["n_routed_experts"] = r.n_experts;
  json["num_experts_per_tok"] = r.top_k;
  json["moe_intermediate_size"] = c.moe.d_ff;
  json["n_shared_experts"] = c.moe.shared_d_ff / c.moe.d_ff;
  json["first_k_dense_replace"] = dense;
  json["moe_layer_freq"] = 1;
  json["routed_scaling_factor"] = r.routed_scaling_factor;
  json["n_group"] = r.n_group;
  json["topk_group"] = r.topk_group;
  json["norm_topk_prob"] = r.norm_topk_prob;
  json["scoring_func"] = v3 ? "sigmoid" : "softmax";
  json["topk_method"] = v3 ? "noaux_tc" : r.n_group > 1 ? "group_limited_greedy" : "greedy";
  return json.dump(2) + "\n";
}

}  // namespace

const Family kDeepseekV2{"DeepseekV2ForCausalLM", read_v2, write_config};
const Family kDeepseekV3{"DeepseekV3ForCausalLM", read_v3, write_config};

}  // namespace r1
