// Several models as one: an adapter in its base, or the weights of equal models mixed.
#pragma once

#include <vector>

#include "models/merge_write.h"
#include "models/peft.h"

namespace r1 {

/// A Hugging Face folder whose weights fit its config.
struct MergeInput {
  Path path;
  ModelAssets assets;
  ModelConfig config;
  Source source;

  static Result<MergeInput> open(const Path& folder);
};

/// W + scale · B A for every adapted weight; the rest as it is. Adapted modules that the base lacks
/// or has in another shape are listed in one error. The tensors read from both while written.
Result<std::vector<MergedTensor>> merge_adapter(const MergeInput& base, const PeftAdapter& adapter);

/// Architectures, fields of config.json that change the computation, names and shapes: all that
/// differs from the first model, in one error.
Result<void> compare_models(const std::vector<MergeInput>& models);

/// Σ weight · W, in f32 and in the order of the models; weights are divided by their sum. Types as
/// in the first model. Empty weights: equal shares.
Result<std::vector<MergedTensor>> merge_linear(const std::vector<MergeInput>& models,
                                               std::vector<double> weights);

/// Of each tensor, as one long vector, the point t of the way along the arc from the first model's
/// to the second's; along the line where they are nearly parallel.       [Shoemake 1985]
///   sin((1 - t) θ) / sin θ · a + sin(t θ) / sin θ · b,  cos θ = a · b / (|a| |b|)
/// Departure, as mergekit does it: |cos θ| above 0.9995 counts as parallel.
Result<std::vector<MergedTensor>> merge_slerp(const std::vector<MergeInput>& models, double t,
                                              ThreadPool& pool);

}  // namespace r1
