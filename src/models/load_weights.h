// From stored tensors into a model's parameters and panels, in parallel, a few rows at a time.
#pragma once

#include "checkpoint/source.h"
#include "models/transformer.h"

namespace r1 {

/// Everything that does not fit, in one error.
Result<void> compare_names(const Transformer& model, const Source& source);

/// Reads every parameter that is stored; pages of the files leave memory as soon as they are used.
Result<void> read_weights(Transformer& model, const Source& source, const Launch& launch);

/// Whether a tensor belongs to a module of multi-token prediction: model.layers.61.… of 61 layers.
bool is_mtp(const std::string& name, const ModelConfig& config);
/// Whether it repeats the embedding or the head for such a module.
bool repeats_words(const std::string& name, const ModelConfig& config);

}  // namespace r1
