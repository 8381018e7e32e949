// A copy of the weights that learn, in another type, for sampling: as an inference engine that
// serves a quantised model would run them.
#pragma once

#include <memory>
#include <string>

#include "models/transformer.h"

namespace r1 {

/// dtype: bf16, f16, q8_0, q4_0 (matrices in blocks, embedding and head in q8_0) or fp8 (bf16 with
/// products in e4m3). Weights are not set. with_mtp: with its modules, which speculation needs.
Result<std::unique_ptr<Transformer>> make_rollout_model(const Transformer& learner,
                                                        const std::string& dtype, bool with_mtp);

/// Rounds the learner's weights into the copy. No forward pass of it may be under way.
void copy_rounded(Transformer& to, const Transformer& learner, const Launch& launch);

}  // namespace r1
