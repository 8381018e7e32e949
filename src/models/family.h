// A model family translates config.json into a ModelConfig and back. One file each, one registry
// line each.
#pragma once

#include <string>
#include <vector>

#include "models/config.h"

namespace r1 {

struct Family {
  std::string architecture;  // as in config.json "architectures"
  /// Reads config.json; a value that would change the computation and is not implemented is an
  /// error.
  Result<ModelConfig> (*read_config)(const std::string& json);
  /// config.json for a model made here. dtype: float32 or bfloat16.
  std::string (*write_config)(const ModelConfig& config, const std::string& dtype);
};

const std::vector<Family>& families();
/// Also by the name of a family's scoring model, XForSequenceClassification.
Result<const Family*> find_family(const std::string& architecture);

/// Finds the family named in config.json text and lets it read.
Result<ModelConfig> read_model_config(const std::string& json);

/// config.json of the scoring model that begins with this language model's weights, as
/// transformers writes one with num_labels = 1.
std::string scorer_config(const std::string& json);

extern const Family kLlama, kQwen2, kQwen3, kQwen3Moe, kDeepseekV2, kDeepseekV3;

}  // namespace r1
