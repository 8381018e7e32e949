// config.json and the metadata of a GGUF file say the same of a model: each from the other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "checkpoint/gguf.h"

namespace r1 {

/// What the names and shapes of tensors depend on, from a config.json.
struct GgufShape {
  std::string architecture;  // GGUF's: llama, qwen2, qwen3, qwen3moe, deepseek2
  int64_t n_layers = 0;      // without n_nextn
  int64_t n_nextn = 0;       // blocks after the last layer that predict further tokens (MTP)
  int64_t n_heads = 0, n_kv_heads = 0, head_dim = 0;
  int64_t n_experts = 0;                                                                 // 0: dense
  int64_t kv_lora_rank = 0, qk_nope_head_dim = 0, qk_rope_head_dim = 0, v_head_dim = 0;  // MLA
  bool is_tied = false;             // the head is the embedding
  std::vector<float> rope_factors;  // by which llama3 scaling divides each frequency; empty: none
};

/// Fails by name for an architecture or a value that GGUF cannot say.
Result<GgufShape> read_gguf_shape(const std::string& config_json);

/// ARCHITECTURE.* keys. keeps_nextn: the file will hold the MTP blocks too.
Result<GgufMetadata> gguf_metadata_of_config(const std::string& config_json, bool keeps_nextn);

/// What only the tensors of a GGUF file know.
struct GgufFacts {
  int64_t vocab_size = 0;
  bool is_tied = false;
  bool has_attention_bias = false;
  bool has_router_bias = false;
  std::vector<float> rope_factors;  // rope_freqs.weight
  std::string torch_dtype;          // float32, float16, bfloat16
};

/// config.json; what it would change in the computation and cannot say is refused by name.
Result<std::string> config_of_gguf_metadata(const GgufMetadata& metadata, const GgufFacts& facts);

/// Divisors of the frequencies theta^(-2i/D) under Llama 3's scaling (D/2).   [transformers,
/// modeling_rope_utils.py]
std::vector<float> llama3_rope_factors(double theta, int64_t head_dim, double factor, double low,
                                       double high, double original_positions);

/// The decimal number that was meant by an f32: 1e-6, not 9.99999997e-7.
double shortest_decimal(double f32);

}  // namespace r1
