// From stored tensors into a model's parameters and panels, in parallel, a few rows at a time.
#pragma once

#include "checkpoint/source.h"
#include "models/transformer.h"

namespace r1 {

/// Everything that does not fit, in one error.
Result<void> compare_names(const Transformer& model, const Source& source);

/// Reads every parameter that is stored; pages of the files leave memory as soon as they are used.
Result<void> read_weights(Transformer& model, const Source& source, const Launch& launch);

/// Reads the tensors of multi-token prediction modules, which a model keeps for saving.
Result<void> read_kept_tensors(Transformer& model, const Source& source);

}  // namespace r1
