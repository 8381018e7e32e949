#include "reward/language.h"

#include <fmt/core.h>

#include "data/last_digit.h"

namespace r1 {

Verdict last_digit_language(const Problem&, const Completion& completion, const RewardOptions&) {
  const double share = english_share(completion.text);
  return {share, fmt::format("{:.0f} % English", 100 * share), true};
}

}  // namespace r1
