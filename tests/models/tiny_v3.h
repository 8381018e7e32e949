// A small random DeepSeek-V3 for tests: latent attention, one dense layer, experts, MTP modules.
#pragma once

#include "models/tiny_model.h"

namespace r1 {

inline ModelConfig tiny_v3_config(int64_t n_mtp = 1) {
  ModelConfig c;
  c.architecture = "DeepseekV3ForCausalLM";
  c.vocab_size = 69;
  c.d_model = 32;
  c.n_layers = 2;
  c.n_heads = c.n_kv_heads = 2;
  c.mla = {.q_lora_rank = 0,
           .kv_lora_rank = 16,
           .qk_nope_head_dim = 8,
           .qk_rope_head_dim = 4,
           .v_head_dim = 8};
  c.head_dim = 12;
  c.d_ff = 48;
  c.moe.routing.n_experts = 4;
  c.moe.routing.top_k = 2;
  c.moe.routing.scoring = Routing::Scoring::kSigmoid;
  c.moe.routing.group_score = Routing::GroupScore::kTopTwo;
  c.moe.routing.norm_topk_prob = true;
  c.moe.d_ff = 16;
  c.moe.shared_d_ff = 16;
  c.moe.correction_bias = true;
  c.moe.sparse = {false, true};
  c.max_positions = 256;
  c.rope_theta = 1000.0;
  c.n_mtp_layers = n_mtp;
  c.eos_token_ids = {1};
  return c;
}

inline std::unique_ptr<Transformer> random_v3(const ModelConfig& config, Dtype dtype,
                                              const Launch& launch, uint64_t seed = 5) {
  auto model = std::make_unique<Transformer>(config, dtype, StoreUse::kTraining,
                                             Transformer::Packing{}, true);
  model->init(seed, 0.0f, 0.3f);
  model->refresh(launch);
  return model;
}

}  // namespace r1
