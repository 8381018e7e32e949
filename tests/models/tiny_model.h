// A small random model for tests: GQA, sizes that fill no vector, the vocabulary of the built-in
// task.
#pragma once

#include <memory>

#include "models/transformer.h"

namespace r1 {

inline ModelConfig tiny_config() {
  ModelConfig c;
  c.vocab_size = 69;
  c.d_model = 48;
  c.n_layers = 3;
  c.n_heads = 4;
  c.n_kv_heads = 2;
  c.head_dim = 12;
  c.d_ff = 80;
  c.max_positions = 256;
  c.rope_theta = 1000.0;
  c.eos_token_ids = {1};
  return c;
}

inline std::unique_ptr<Transformer> random_model(const ModelConfig& config, Dtype dtype,
                                                 const Launch& launch, uint64_t seed = 5) {
  auto model = std::make_unique<Transformer>(config, dtype, StoreUse::kTraining);
  model->init(seed, 0.0f, 0.3f);
  model->refresh(launch);
  return model;
}

}  // namespace r1
