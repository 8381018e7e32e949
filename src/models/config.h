// The shape of a decoder model, in the house's names; each family translates its own config into
// it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace r1 {

struct ModelConfig {
  std::string architecture = "LlamaForCausalLM";
  int64_t vocab_size = 0;
  int64_t d_model = 0;
  int64_t n_layers = 0;
  int64_t n_heads = 0;
  int64_t n_kv_heads = 0;
  int64_t head_dim = 0;
  int64_t d_ff = 0;
  int64_t max_positions = 0;
  double rope_theta = 10000.0;
  float norm_eps = 1e-6f;
  bool tie_word_embeddings = false;
  std::vector<int32_t> eos_token_ids;
  int32_t bos_token_id = -1;  // -1: none

  /// Positive sizes that fit each other; the error names the field.
  Result<void> validate() const;
};

}  // namespace r1
