// What stands at a path, opened to be looked at: a model folder, a GGUF or safetensors file, an
// adapter, or a config.json alone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/source.h"
#include "models/lora_config.h"
#include "models/model_io.h"

namespace r1 {

struct ModelLook {
  std::string kind;  // "Hugging Face folder", "GGUF file", …
  ModelAssets assets;
  std::optional<Source> weights;  // nullopt: only a config
  std::optional<LoraConfig> adapter;
  std::vector<std::string> adapted;   // names of the adapter's modules
  std::unique_ptr<Transformer> plan;  // the model's own list of parameters; null: no config
  std::vector<std::string> warnings;  // why r1 could not run it

  const ModelConfig& config() const { return plan->config(); }
};

/// An architecture that is not implemented is a warning where there are tensors to list.
Result<ModelLook> look_at_model(const Path& path);

}  // namespace r1
