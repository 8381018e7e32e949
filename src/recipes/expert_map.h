// How evenly the experts were used: maps of a run's experts.jsonl.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file.h"

namespace r1 {

/// A line of experts.jsonl: of each layer with experts, the rows that went to each of them.
struct LoadRecord {
  int64_t step = 0;
  std::vector<std::vector<int64_t>> loads;  // all layers have as many experts
};

/// None when the file is absent. Of a very long file some lines are left out, evenly. A last line
/// torn by a kill is left out.
Result<std::vector<LoadRecord>> read_loads(const Path& run);

/// Figures: the end of the run, layer by expert; then of some layers expert by step. A cell's
/// colour is its load over the layer's mean. Empty without records.
std::string expert_maps(const std::vector<LoadRecord>& records);

}  // namespace r1
