// The exact reward: the final answer as text, byte for byte.
#pragma once

#include "base/error.h"
#include "reward/settings.h"

namespace r1 {

struct ExactOptions {
  bool ignore_case = false;
  bool ignore_space = false;
  void visit(auto&& f) {
    f("ignore_case", ignore_case, "A equals a");
    f("ignore_space", ignore_space, "white space does not count");
  }
};

/// 1 when the marked answer, or else all that is said, equals the reference but for space around.
Result<std::unique_ptr<const Reward>> make_exact(const RewardSettings& settings);

}  // namespace r1
