// A model is a Hugging Face folder, before and after; a GGUF file is opened as one.
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

struct LoadOptions {
  std::string dtype = "auto";  // f32, bf16, f16 (inference), fp8 (training) or auto: as stored
  StoreUse use = StoreUse::kInference;
  /// A model that scores, or a language model whose vocabulary head gives place to a score of zero.
  /// Otherwise a model that scores is refused.
  bool scorer = false;
  std::string quantize = {};  // q8_0 or q4_0: matrices of an inference model; empty: as stored
  std::string mla_form = "expanded";        // or absorbed
  std::string fp8_gradient_tile = "1x128";  // or 128x128
  bool mtp = false;  // modules of multi-token prediction for inference; training always has them
  std::string config_json = {};  // instead of the folder's config.json; empty: as it is
};

/// config.json of a folder or GGUF file, without weights. eos ids of generation_config.json
/// override.
Result<ModelConfig> open_config(const Path& model);
Result<ModelAssets> read_assets(const Path& model);

/// How latent attention is computed (see Mla): expanded or absorbed; the latter is an error where
/// there is none.
Result<void> set_mla_form(ModelConfig& config, const std::string& form);
/// Turns FP8 on when dtype is fp8. An error where the options do not go together.
Result<void> set_fp8(ModelConfig& config, const std::string& dtype, const std::string& tile);

/// Loads weights. All missing, unexpected and misshapen tensors are listed in one error. Matrices
/// of an inference model go straight into their panels, so that memory peaks at the size of the
/// model. What a GGUF file holds in blocks stays so (q8_0, q4_0; the K formats become q8_0) when
/// dtype is auto. An FP8 model becomes bf16, and its config says so. Biases of routers are
/// kept as they are.
Result<LoadedModel> load_model(const Path& model, const LoadOptions& options, const Launch& launch);

/// Writes weights in their dtype, and the assets. The folder may exist.
Result<void> save_model(const Path& folder, const Transformer& model, const ModelAssets& assets);

}  // namespace r1
