// Accuracy by length and depth, for problems that say where in a long context their answer lies.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "reward/episodes.h"

namespace r1 {

struct PositionAccuracy {
  int64_t length = 0;
  double depth = 0;
  int64_t n_samples = 0, n_right = 0;

  double accuracy() const { return static_cast<double>(n_right) / static_cast<double>(n_samples); }
};

/// By length, then depth, ascending; of problems whose columns length and depth are numbers (r1
/// data needle, r1 data program). Empty when there are none. Right: the first reward is at least 1.
std::vector<PositionAccuracy> accuracy_by_position(std::span<const Problem> problems,
                                                   std::span<const Episode> episodes);

/// A table: a line for each length, a column for each depth.
std::string describe(const std::vector<PositionAccuracy>& positions);
/// [{"length": …, "depth": …, "n": …, "accuracy": …}, …]
std::string positions_to_json(const std::vector<PositionAccuracy>& positions);

}  // namespace r1
