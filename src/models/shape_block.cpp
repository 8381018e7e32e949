#include "models/shape_block.h"

#include <cmath>

namespace r1 {
namespace {

void shape_mlp(Mlp& mlp, int64_t C, int64_t F, bool bias) {
  mlp.gate_proj.shape(F, C, bias);
  mlp.up_proj.shape(F, C, bias);
  mlp.down_proj.shape(C, F, bias);
}

AttentionCore shape_core(const ModelConfig& c) {
  AttentionCore core;
  core.n_heads = c.n_heads;
  core.n_kv_heads = c.n_kv_heads;
  core.head_dim = c.head_dim;
  const float usual = 1.0f / std::sqrt(static_cast<float>(c.head_dim));
  core.scale = c.attention_scale > 0 ? c.attention_scale : usual;
  return core;
}

void shape_attention(Attention& a, const ModelConfig& c) {
  a.core = shape_core(c);
  a.q_proj.shape(c.n_heads * c.head_dim, c.d_model, c.qkv_bias);
  a.k_proj.shape(c.n_kv_heads * c.head_dim, c.d_model, c.qkv_bias);
  a.v_proj.shape(c.n_kv_heads * c.head_dim, c.d_model, c.qkv_bias);
  a.o_proj.shape(c.d_model, c.n_heads * c.head_dim, c.o_bias);
  if (!c.qk_norm) return;
  a.q_norm.shape(c.head_dim, c.norm_eps);
  a.k_norm.shape(c.head_dim, c.norm_eps);
}

void shape_mla(Mla& a, const ModelConfig& c) {
  constexpr float kLatentEps = 1e-6f;  // whatever rms_norm_eps says
  const MlaConfig& m = c.mla;
  a.nope = m.qk_nope_head_dim;
  a.rope_dim = m.qk_rope_head_dim;
  a.value_dim = m.v_head_dim;
  a.q_rank = m.q_lora_rank;
  a.kv_rank = m.kv_lora_rank;
  a.absorbed = m.absorbed;
  if (a.q_rank == 0) {
    a.q_proj.shape(c.n_heads * c.head_dim, c.d_model);
  } else {
    a.q_a_proj.shape(a.q_rank, c.d_model);
    a.q_a_layernorm.shape(a.q_rank, kLatentEps);
    a.q_b_proj.shape(c.n_heads * c.head_dim, a.q_rank);
  }
  a.kv_a_proj_with_mqa.shape(a.kv_rank + a.rope_dim, c.d_model);
  a.kv_a_layernorm.shape(a.kv_rank, kLatentEps);
  a.kv_b_proj.shape(c.n_heads * (a.nope + m.v_head_dim), a.kv_rank);
  a.o_proj.shape(c.d_model, c.n_heads * m.v_head_dim);
  a.core = shape_core(c);
  a.core.value_dim = m.v_head_dim;
  if (!m.absorbed) return;
  a.kv_b_proj.weight.row_groups = {a.nope, m.v_head_dim};
  a.core.n_kv_heads = 1;
  a.core.head_dim = a.kv_rank + a.rope_dim;
  a.core.value_dim = a.kv_rank;
  a.core.values_in_keys = true;
}

void shape_moe(Moe& moe, const ModelConfig& c) {
  moe.routing = c.moe.routing;
  moe.gate.shape(c.moe.routing.n_experts, c.d_model);
  moe.gate.weight.quantizes = false;  // the choice of experts is as good as its scores
  if (c.moe.correction_bias) {
    moe.e_score_correction_bias.shape = {c.moe.routing.n_experts};
    moe.e_score_correction_bias.buffer = true;
    moe.e_score_correction_bias.first_value = 0.0f;
  }
  moe.experts = std::vector<Mlp>(static_cast<size_t>(c.moe.routing.n_experts));
  for (Mlp& expert : moe.experts) shape_mlp(expert, c.d_model, c.moe.d_ff, false);
  if (c.moe.shared_d_ff > 0) shape_mlp(moe.shared_experts, c.d_model, c.moe.shared_d_ff, false);
}

}  // namespace

void shape_block(Block& block, const ModelConfig& c, int64_t layer, const RopeTable& rope_table) {
  if (c.is_mla()) {
    shape_mla(block.self_attn.emplace<Mla>(), c);
  } else {
    shape_attention(std::get<Attention>(block.self_attn), c);
  }
  std::visit([&](auto& attention) { attention.rope_table = &rope_table; }, block.self_attn);
  if (c.is_sparse(layer)) {
    shape_moe(block.mlp.emplace<Moe>(), c);
  } else {
    shape_mlp(std::get<Mlp>(block.mlp), c.d_model, c.d_ff, c.mlp_bias);
  }
  block.input_layernorm.shape(c.d_model, c.norm_eps);
  block.post_attention_layernorm.shape(c.d_model, c.norm_eps);
  if (!c.fp8.enabled) return;
  block.visit([&](const std::string& name, auto& part) {
    if constexpr (std::is_same_v<std::remove_reference_t<decltype(part)>, Linear>) {
      if (name == "mlp.gate.weight") return;
      part.fp8 = {c.fp8.square_gradients ? Fp8Gradient::kSquare : Fp8Gradient::kRow};
    }
  });
}

}  // namespace r1
