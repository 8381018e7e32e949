// The numeric reward: the final answer as a number, exactly or within a tolerance.
#pragma once

#include <optional>

#include "base/error.h"
#include "reward/number.h"
#include "reward/settings.h"

namespace r1 {

struct NumericOptions {
  double relative = 0, absolute = 0;
  void visit(auto&& f) {
    f("relative", relative, "tolerated difference as a share of the reference");
    f("absolute", absolute, "tolerated difference");
  }
};

/// As parse_number, and with a power of ten behind: 1.5e-3.
std::optional<Rational> parse_scientific(std::string_view text);

/// 1 when the final answer is the reference's number; no verdict when the reference is none.
Result<std::unique_ptr<const Reward>> make_numeric(const RewardSettings& settings);

}  // namespace r1
