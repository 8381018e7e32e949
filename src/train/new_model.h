// The shape of a model made from nothing: [new_model] of a pre-training configuration.
#pragma once

#include <string>

#include "models/config.h"

namespace r1 {

/// Latent attention and experts have Hugging Face's names. They count for the deepseek
/// architectures alone, whose n_kv_heads and head_dim follow from them.
struct NewModel {
  std::string architecture = "llama";
  int64_t d_model = 96, n_layers = 3, n_heads = 6, n_kv_heads = 2, head_dim = 16, d_ff = 256;
  int64_t max_positions = 256;
  double rope_theta = 1000.0;
  bool tie_word_embeddings = true;
  double init_std = 0.0;
  double embedding_std = 0.05;
  int64_t kv_lora_rank = 32, q_lora_rank = 0;
  int64_t qk_nope_head_dim = 16, qk_rope_head_dim = 8, v_head_dim = 16;
  int64_t n_routed_experts = 8, num_experts_per_tok = 2, n_shared_experts = 2;
  int64_t moe_intermediate_size = 64, first_k_dense_replace = 1, moe_layer_freq = 1;
  int64_t n_group = 1, topk_group = 1;
  std::string scoring_func = "sigmoid";
  bool norm_topk_prob = true;
  double routed_scaling_factor = 1.0;
  int64_t num_nextn_predict_layers = 0;

  void visit(auto&& f) {
    f("architecture", architecture, "llama, qwen3, deepseek_v2 or deepseek_v3");
    f("d_model", d_model, "width");
    f("n_layers", n_layers, "blocks");
    f("n_heads", n_heads, "query heads");
    f("n_kv_heads", n_kv_heads, "key and value heads");
    f("head_dim", head_dim, "width of a head");
    f("d_ff", d_ff, "width of the feed-forward layer");
    f("max_positions", max_positions, "longest sequence");
    f("rope_theta", rope_theta, "base of the rotary angles");
    f("tie_word_embeddings", tie_word_embeddings, "one matrix for embedding and head");
    f("init_std", init_std, "std of new weights; 0: 1 / sqrt(fan-in)");
    f("embedding_std", embedding_std, "std of new embeddings");
    f("kv_lora_rank", kv_lora_rank, "deepseek: width of the latent of keys and values");
    f("q_lora_rank", q_lora_rank, "deepseek: width of the latent of queries; 0: none");
    f("qk_nope_head_dim", qk_nope_head_dim, "deepseek: part of a head without rotary angles");
    f("qk_rope_head_dim", qk_rope_head_dim, "deepseek: part of a head with them, even");
    f("v_head_dim", v_head_dim, "deepseek: width of a head's values");
    f("n_routed_experts", n_routed_experts, "deepseek: experts to choose from; 0: dense");
    f("num_experts_per_tok", num_experts_per_tok, "deepseek: experts that a token goes to");
    f("n_shared_experts", n_shared_experts, "deepseek: experts that see every token");
    f("moe_intermediate_size", moe_intermediate_size, "deepseek: width of one expert");
    f("first_k_dense_replace", first_k_dense_replace, "deepseek: first layers without experts");
    f("moe_layer_freq", moe_layer_freq, "deepseek: 1, experts in every layer after those");
    f("n_group", n_group, "deepseek: groups of experts");
    f("topk_group", topk_group, "deepseek: groups that a token may choose from");
    f("scoring_func", scoring_func, "sigmoid (deepseek_v3) or softmax (deepseek_v2)");
    f("norm_topk_prob", norm_topk_prob, "deepseek_v3: weights of the chosen experts sum to 1");
    f("routed_scaling_factor", routed_scaling_factor, "deepseek: times the experts' weights");
    f("num_nextn_predict_layers", num_nextn_predict_layers,
      "deepseek_v3: modules that predict further tokens");
  }
};

/// The error names the field under new_model. what is wrong with it.
Result<ModelConfig> new_model_config(const NewModel& shape, int64_t vocab_size, int32_t bos,
                                     int32_t eos);

}  // namespace r1
