// What a model is, in numbers that the model itself gives: parameters by part, bytes to run and to
// learn.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/transformer.h"

namespace r1 {

struct PartCount {
  std::string name;  // embedding, attention, mlp, experts, shared experts, router, norms, head
  int64_t total = 0;
  int64_t activated = 0;  // that the computation of one token meets
};

/// The parts that there are, in this order. MTP modules do not count.
std::vector<PartCount> count_parameters(const Transformer& model);
PartCount sum_of(const std::vector<PartCount>& parts);

/// The parameters of the multi-token prediction modules that config.json speaks of: blocks like the
/// last one, two norms, the projection of both inputs and the norm before the head, which, as the
/// embedding, is the model's own.                                    [DeepSeek-V3, section 2.2]
int64_t count_mtp_parameters(const Transformer& model);

using NamedBytes = std::vector<std::pair<std::string, int64_t>>;

/// Weights for inference with matrices in `dtype`, as load_model would hold them with
/// --dtype bf16 and --quantize; the rest is f32.
int64_t inference_bytes(const Transformer& model, Dtype dtype);

/// All but activations, by name: bf16 weights with f32 masters and AdamW; an adapter of rank r on
/// all linear layers over a base in bf16 or q8_0. model: planned in bf16 (StoreUse::kPlan).
NamedBytes training_bytes(const Transformer& model, int64_t r);

/// Name and value, in plain words.
using Words = std::vector<std::pair<std::string, std::string>>;
Words describe_config(const ModelConfig& config);

/// 1,234,567
std::string with_commas(int64_t n);

}  // namespace r1
