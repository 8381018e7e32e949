// What a reward is: a completion goes in, one number with its parts and its reason comes out.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/problem.h"

namespace r1 {

/// What a model wrote after the prompt.
struct Completion {
  std::string_view text;     // without the end-of-sequence token
  bool finished = false;     // ended by itself, not by the length limit
  bool opens_think = false;  // the prompt ended inside <think>, as R1's own template does
};

struct RewardOptions {
  bool prefilled_think = false;  // <think> stands in every prompt, whatever the template says

  void visit(auto&& f) {
    f("prefilled_think", prefilled_think, "the prompt already ends with <think>");
  }
};

/// What one reward function says. Not valid: it cannot judge this problem (no reference answer).
struct Verdict {
  double value = 0;
  std::string reason;  // for people
  bool valid = true;
};

using RewardFunction = Verdict (*)(const Problem&, const Completion&, const RewardOptions&);

/// The weighted sum of several rewards.
struct Score {
  double value = 0;
  std::vector<std::pair<std::string, double>> parts;  // by name, before weighting
  std::string reason;
  bool valid = true;  // false when any part is not valid
};

}  // namespace r1
