// The shape of a decoder model, in the house's names; each family translates its own config into
// it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "nn/rope_table.h"
#include "nn/router.h"

namespace r1 {

constexpr int64_t kMostLayers = 10000;

/// Multi-head latent attention; kv_lora_rank 0: grouped-query attention instead.
struct MlaConfig {
  int64_t q_lora_rank = 0;  // 0: queries have no latent
  int64_t kv_lora_rank = 0;
  int64_t qk_nope_head_dim = 0, qk_rope_head_dim = 0, v_head_dim = 0;
  bool absorbed = false;  // how it is computed; no part of config.json
};

/// Experts; routing.n_experts 0: none.
struct MoeConfig {
  Routing routing;
  int64_t d_ff = 0;         // of one expert
  int64_t shared_d_ff = 0;  // of the shared experts together; 0: none
  bool correction_bias = false;
  std::vector<bool> sparse;  // (n_layers): whether a layer has experts
};

/// How linear layers of the blocks are computed; no part of config.json.
struct Fp8Config {
  bool enabled = false;  // in FP8, but for routers; embedding, head, norms and attention are not
  bool square_gradients = false;  // the variant that diverged: see Fp8Gradient
};

struct ModelConfig {
  std::string architecture = "LlamaForCausalLM";
  int64_t n_labels = 0;  // 1: a score of the whole sequence instead of the next token's logits
  int64_t vocab_size = 0;
  int64_t d_model = 0;
  int64_t n_layers = 0;
  int64_t n_heads = 0;
  int64_t n_kv_heads = 0;
  int64_t head_dim = 0;
  int64_t d_ff = 0;  // of a dense layer
  int64_t max_positions = 0;
  double rope_theta = 10000.0;
  RopeScaling rope_scaling;
  float attention_scale = 0.0f;  // of q · k; 0: 1 / sqrt(head_dim)
  float norm_eps = 1e-6f;
  bool tie_word_embeddings = false;
  bool qkv_bias = false, o_bias = false, mlp_bias = false;
  bool qk_norm = false;
  MlaConfig mla;
  MoeConfig moe;
  Fp8Config fp8;
  int64_t n_mtp_layers = 0;  // multi-token prediction modules that the checkpoint may hold
  std::vector<int32_t> eos_token_ids;
  int32_t bos_token_id = -1;  // -1: none

  /// A model that scores (XForSequenceClassification with one label) and does not write.
  bool is_scorer() const { return n_labels > 0; }
  bool is_mla() const { return mla.kv_lora_rank > 0; }
  bool is_sparse(int64_t layer) const {
    return moe.routing.n_experts > 0 && moe.sparse[static_cast<size_t>(layer)];
  }
  /// Positive sizes that fit each other; the error names the field.
  Result<void> validate() const;
};

}  // namespace r1
