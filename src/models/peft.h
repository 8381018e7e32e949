// Adapters as PEFT's folders hold them: adapter_config.json, adapter_model.safetensors, and the
// tokenizer's files where the adapter brings them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checkpoint/source.h"
#include "models/model_io.h"

namespace r1 {

/// One module's update of its weight (out, in): scale · B A.
struct LowRank {
  int64_t out = 0, in = 0, r = 0;
  float scale = 0;
  std::vector<float> a, b;  // (r, in), (out, r)

  /// w (end - begin, in): rows begin … end - 1 of the weight += scale · B A, k ascending.
  void add_to(float* w, int64_t begin, int64_t end) const;
};

/// A folder whose config and tensors agree with each other. Movable; any thread may read from it.
class PeftAdapter {
 public:
  /// What would change the computation and is not implemented is refused by its name.
  static Result<PeftAdapter> open(const Path& folder);

  const LoraConfig& config() const { return config_; }
  /// Names of the adapted modules, sorted: "model.layers.0.self_attn.q_proj".
  const std::vector<std::string>& modules() const { return modules_; }
  /// nullopt: the module has no adapter.
  Result<std::optional<LowRank>> read(const std::string& module) const;
  /// Where base_model_name_or_path leads: beside the folder, here, or anywhere if absolute.
  Result<Path> find_base() const;

  /// Puts the adapter on a frozen model that has none and came from `base`. Missing, unexpected and
  /// misshapen tensors are listed in one error.
  Result<void> put_on(Transformer& model, const Path& base, const Launch& launch) const;

 private:
  const StoredTensor* find(const std::string& parameter) const;
  Result<void> list_modules();

  Path folder_;
  LoraConfig config_;
  Source source_;
  std::vector<std::string> modules_;
};

/// Reads adapter_config.json's text; the error names the field. No target_modules: those that the
/// tensors name.
Result<LoraConfig> read_lora_config(const std::string& json);
/// adapter_config.json of an adapted model; all-linear becomes the names that it stands for.
std::string write_lora_config(const Transformer& model);

bool is_peft_folder(const Path& folder);

/// A base and the adapter on it, whichever way they were named.
struct ModelPaths {
  Path base;
  Path adapter;  // empty: none
  Path words;    // whose tokenizer is used
};

/// model: a model or a PEFT folder; adapter: a PEFT folder for the former, or empty.
Result<ModelPaths> find_model(const Path& model, const Path& adapter);

/// The base with its adapter, whose tokenizer files, if any, take the place of the base's.
Result<LoadedModel> load_model(const ModelPaths& paths, const LoadOptions& options,
                               const Launch& launch);

/// Writes an adapted model's adapter and its tokenizer files, for PEFT and for us.
Result<void> save_adapter(const Path& folder, const Transformer& model, const ModelAssets& assets);

}  // namespace r1
