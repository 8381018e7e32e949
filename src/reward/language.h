// The language reward of the built-in task: the share of English among the words that have a
// language.
#pragma once

#include "reward/reward.h"

namespace r1 {

/// English words / (English + French words) of the completion; 1 when there are none of either.
Verdict last_digit_language(const Problem&, const Completion& completion, const RewardOptions&);

}  // namespace r1
