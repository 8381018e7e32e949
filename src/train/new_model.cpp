#include "train/new_model.h"

namespace r1 {
namespace {

Result<void> require(const char* name, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return {};
  return fail("new_model.{} is {}; it must be from {} to {}", name, value, least, most);
}

Result<void> add_attention(const NewModel& s, ModelConfig& c) {
  if (s.kv_lora_rank < 1) {
    return fail("new_model.kv_lora_rank is {}; {} needs a latent: 32, say", s.kv_lora_rank,
                s.architecture);
  }
  R1_RETURN_IF_ERROR(require("q_lora_rank", s.q_lora_rank, 0, 1 << 20));
  if (s.qk_rope_head_dim < 2 || s.qk_rope_head_dim % 2 != 0) {
    return fail("new_model.qk_rope_head_dim is {}; it must be even and at least 2",
                s.qk_rope_head_dim);
  }
  R1_RETURN_IF_ERROR(require("qk_nope_head_dim", s.qk_nope_head_dim, 2, 1 << 16));
  if (s.qk_nope_head_dim % 2 != 0) {
    return fail("new_model.qk_nope_head_dim is {}; it must be even", s.qk_nope_head_dim);
  }
  R1_RETURN_IF_ERROR(require("v_head_dim", s.v_head_dim, 1, 1 << 16));
  c.mla = {s.q_lora_rank, s.kv_lora_rank, s.qk_nope_head_dim, s.qk_rope_head_dim, s.v_head_dim};
  c.n_kv_heads = c.n_heads;
  c.head_dim = s.qk_nope_head_dim + s.qk_rope_head_dim;
  return {};
}

/// The two scorings are those of the two published families: no other would load elsewhere.
Result<void> check_scoring(const NewModel& s, bool v3) {
  if (s.scoring_func != "sigmoid" && s.scoring_func != "softmax") {
    return fail("new_model.scoring_func is '{}'; it is sigmoid or softmax", s.scoring_func);
  }
  if (v3 && s.scoring_func == "softmax") {
    return fail(
        "new_model.scoring_func is softmax, and deepseek_v3 has sigmoid; for softmax set "
        "architecture to deepseek_v2 and norm_topk_prob to false");
  }
  if (!v3 && s.scoring_func == "sigmoid") {
    return fail(
        "new_model.scoring_func is sigmoid, and deepseek_v2 has softmax; set it to softmax, or "
        "architecture to deepseek_v3");
  }
  if (!v3 && s.norm_topk_prob) {
    return fail("new_model.norm_topk_prob is true, and deepseek_v2 does not normalise; set false");
  }
  return {};
}

Result<void> add_experts(const NewModel& s, bool v3, ModelConfig& c) {
  R1_RETURN_IF_ERROR(check_scoring(s, v3));
  R1_RETURN_IF_ERROR(require("num_experts_per_tok", s.num_experts_per_tok, 1, s.n_routed_experts));
  R1_RETURN_IF_ERROR(require("n_shared_experts", s.n_shared_experts, 0, 1 << 16));
  R1_RETURN_IF_ERROR(require("moe_intermediate_size", s.moe_intermediate_size, 1, 1 << 20));
  R1_RETURN_IF_ERROR(require("first_k_dense_replace", s.first_k_dense_replace, 0, s.n_layers));
  if (s.moe_layer_freq != 1) {
    return fail("new_model.moe_layer_freq is {}; only 1 is implemented: experts in every layer",
                s.moe_layer_freq);
  }
  R1_RETURN_IF_ERROR(require("n_group", s.n_group, 1, s.n_routed_experts));
  R1_RETURN_IF_ERROR(require("topk_group", s.topk_group, 1, s.n_group));
  if (s.n_routed_experts % s.n_group != 0) {
    return fail("new_model.n_group is {}; {} experts do not divide into so many", s.n_group,
                s.n_routed_experts);
  }
  const int64_t size = s.n_routed_experts / s.n_group;
  if (v3 && size < 2) {
    return fail("new_model.n_group is {}; a group is judged by two experts and would have {}",
                s.n_group, size);
  }
  if (s.topk_group * size < s.num_experts_per_tok) {
    return fail("new_model.topk_group is {}; {} groups of {} hold fewer than {} experts",
                s.topk_group, s.topk_group, size, s.num_experts_per_tok);
  }
  if (!(s.routed_scaling_factor > 0)) {
    return fail("new_model.routed_scaling_factor is {}; it must be positive",
                s.routed_scaling_factor);
  }
  Routing& r = c.moe.routing;
  r.n_experts = s.n_routed_experts;
  r.top_k = s.num_experts_per_tok;
  r.scoring = v3 ? Routing::Scoring::kSigmoid : Routing::Scoring::kSoftmax;
  r.group_score = v3 ? Routing::GroupScore::kTopTwo : Routing::GroupScore::kMax;
  r.n_group = s.n_group;
  r.topk_group = s.topk_group;
  r.norm_topk_prob = s.norm_topk_prob;
  r.routed_scaling_factor = static_cast<float>(s.routed_scaling_factor);
  c.moe.d_ff = s.moe_intermediate_size;
  c.moe.shared_d_ff = s.n_shared_experts * s.moe_intermediate_size;
  c.moe.correction_bias = v3;
  for (int64_t i = 0; i < s.n_layers; ++i) c.moe.sparse.push_back(i >= s.first_k_dense_replace);
  return {};
}

Result<void> add_deepseek(const NewModel& s, ModelConfig& c) {
  const bool v3 = s.architecture == "deepseek_v3";
  c.architecture = v3 ? "DeepseekV3ForCausalLM" : "DeepseekV2ForCausalLM";
  R1_RETURN_IF_ERROR(add_attention(s, c));
  R1_RETURN_IF_ERROR(require("n_routed_experts", s.n_routed_experts, 0, 1 << 16));
  if (s.n_routed_experts > 0) R1_RETURN_IF_ERROR(add_experts(s, v3, c));
  R1_RETURN_IF_ERROR(
      require("num_nextn_predict_layers", s.num_nextn_predict_layers, 0, v3 ? 16 : 0));
  c.n_mtp_layers = s.num_nextn_predict_layers;
  return {};
}

}  // namespace

Result<ModelConfig> new_model_config(const NewModel& s, int64_t vocab_size, int32_t bos,
                                     int32_t eos) {
  R1_RETURN_IF_ERROR(require("n_layers", s.n_layers, 1, kMostLayers));
  ModelConfig c;
  c.vocab_size = vocab_size;
  c.d_model = s.d_model;
  c.n_layers = s.n_layers;
  c.n_heads = s.n_heads;
  c.n_kv_heads = s.n_kv_heads;
  c.head_dim = s.head_dim;
  c.d_ff = s.d_ff;
  c.max_positions = s.max_positions;
  c.rope_theta = s.rope_theta;
  c.tie_word_embeddings = s.tie_word_embeddings;
  c.bos_token_id = bos;
  c.eos_token_ids = {eos};
  if (s.architecture == "qwen3") {
    c.architecture = "Qwen3ForCausalLM";
    c.qk_norm = true;
  } else if (s.architecture == "deepseek_v2" || s.architecture == "deepseek_v3") {
    R1_RETURN_IF_ERROR(add_deepseek(s, c));
  } else if (s.architecture != "llama") {
    return fail("new_model.architecture is '{}'; it is llama, qwen3, deepseek_v2 or deepseek_v3",
                s.architecture);
  }
  R1_RETURN_IF_ERROR(c.validate());
  return c;
}

}  // namespace r1
