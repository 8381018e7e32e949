// A model that goes on beyond the positions it was trained on: config.json with YaRN.
#pragma once

#include <string>

#include "base/error.h"

namespace r1 {

/// V3 went from 4K to 32K to 128K with YaRN, factor 40, in two phases of 1000 steps.
/// [DeepSeek-V3, section 4.3; Peng et al. 2023]
struct ContextExtension {
  std::string rope_scaling;
  int64_t max_position_embeddings = 0;
  double rope_factor = 0;
  double rope_beta_fast = 32, rope_beta_slow = 1;

  void visit(auto&& f) {
    f("rope_scaling", rope_scaling,
      "go on with more positions than the model has: yarn, or linear; none: as the model says");
    f("max_position_embeddings", max_position_embeddings,
      "rope_scaling: positions from now on; 0: rope_factor times the original ones");
    f("rope_factor", rope_factor,
      "rope_scaling: factor; 0: max_position_embeddings over the original ones");
    f("rope_beta_fast", rope_beta_fast, "yarn: turns above which an angle stays as it is");
    f("rope_beta_slow", rope_beta_slow,
      "yarn: turns below which an angle is divided by the factor");
  }
  bool is_set() const { return !rope_scaling.empty(); }
};

/// config.json with rope_scaling and max_position_embeddings as Hugging Face spells them for its
/// family, and all else as it was. A model that was extended before keeps its original positions;
/// to extend it again in the same way changes nothing.
Result<std::string> extend_config(const std::string& config_json,
                                  const ContextExtension& extension);

/// tokenizer_config.json whose model_max_length, if it has one, is no shorter.
std::string extend_tokenizer_config(const std::string& json, int64_t max_positions);

}  // namespace r1
