// A model is a Hugging Face folder, before and after.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/file.h"
#include "models/transformer.h"

namespace r1 {

/// The small files of a model folder (config, tokenizer, template, generation settings), by name,
/// untouched.
using ModelAssets = std::map<std::string, std::string>;

struct LoadedModel {
  std::unique_ptr<Transformer> model;
  ModelAssets assets;
};

/// config.json of a folder, without weights. eos ids of generation_config.json override.
Result<ModelConfig> open_config(const Path& folder);
Result<ModelAssets> read_assets(const Path& folder);

/// Loads weights into f32 or bf16. All missing, unexpected and misshapen tensors are listed in one
/// error. dtype_name: f32, bf16 or auto (as stored; f16 loads as f32).
Result<LoadedModel> load_model(const Path& folder, const std::string& dtype_name, StoreUse use,
                               const Launch& launch);

/// Writes weights in their dtype, and the assets. The folder may exist.
Result<void> save_model(const Path& folder, const Transformer& model, const ModelAssets& assets);

}  // namespace r1
