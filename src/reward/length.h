// The length rewards: open-r1's cosine and DAPO's soft overlong punishment.
#pragma once

#include "base/error.h"
#include "reward/settings.h"

namespace r1 {

/// Lengths are in tokens where they are known, else in characters.
struct LengthOptions {
  int64_t max_length = 1000;
  double min_value_wrong = -1.0, max_value_wrong = -0.5;
  double min_value_correct = 0.5, max_value_correct = 1.0;
  std::string unit = "tokens";
  void visit(auto&& f) {
    f("max_length", max_length, "where the cosine ends");
    f("min_value_wrong", min_value_wrong, "of a short wrong answer");
    f("max_value_wrong", max_value_wrong, "of a long wrong answer");
    f("min_value_correct", min_value_correct, "of a long right answer");
    f("max_value_correct", max_value_correct, "of a short right answer");
    f("unit", unit, "tokens (characters where they are unknown) or characters");
  }
};

/// Right: from max_value_correct down to min_value_correct; wrong: from min_value_wrong up to
/// max_value_wrong, along half a cosine up to max_length and constant behind.
/// Deviation from open-r1: there the cosine turns back behind max_length.
Result<std::unique_ptr<const Reward>> make_length(const RewardSettings& settings);

struct OverlongOptions {
  int64_t max_length = 20480, cache = 4096;
  std::string unit = "tokens";
  void visit(auto&& f) {
    f("max_length", max_length, "from here on -1");
    f("cache", cache, "the zone below max_length where the penalty grows");
    f("unit", unit, "tokens (characters where they are unknown) or characters");
  }
};

/// 0 up to max_length - cache, -1 above max_length, a line between.  [Yu et al. 2025, DAPO, eq. 13]
Result<std::unique_ptr<const Reward>> make_overlong(const RewardSettings& settings);

}  // namespace r1
