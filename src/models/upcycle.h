// A dense model made sparse: every expert begins as a copy of the dense MLP.  [Komatsuzaki et al.
// 2022]
#pragma once

#include <vector>

#include "models/merge.h"

namespace r1 {

struct UpcycleConfig {
  int64_t experts = 8;
  int64_t top_k = 2;
  double jitter = 0.0;  // standard deviation of noise on every expert's weights
  uint64_t seed = 0;

  void visit(auto&& f) {
    f("experts", experts, "upcycle: experts of each layer");
    f("top_k", top_k, "upcycle: experts that a token meets");
    f("jitter", jitter, "upcycle: standard deviation of noise on each expert, so that they differ");
    f("seed", seed, "upcycle: of the routers and the noise");
  }
};

/// Qwen3ForCausalLM to Qwen3MoeForCausalLM; no other dense family has one with experts that r1
/// knows. Routers are N(0, 0.02²), and the weights of the chosen experts sum to 1, so that without
/// jitter the model computes what it did. Departures from the paper: every layer has experts, and
/// no optimizer state is carried over.
Result<std::vector<MergedTensor>> upcycle(const MergeInput& dense, const UpcycleConfig& config);

/// config.json of the upcycled model, and the dense model's other files.
ModelAssets upcycled_assets(const MergeInput& dense, const UpcycleConfig& config);

}  // namespace r1
