// The choice reward: the letter, or the letters, of a multiple-choice answer.
#pragma once

#include <string>
#include <string_view>

#include "reward/reward.h"

namespace r1 {

/// The letters A to Z that an answer names, sorted: "(B)", "**B**", "\text{B}", "option b", "B. the
/// text of the choice" are B; "A, C" and "A and C" are AC. "" when it is anything else.
std::string choice_letters(std::string_view answer);

/// 1 when the final answer names the reference's letters and no others. Not strict: a last line
/// that is a letter counts as an answer too.
Verdict choice(const Problem& problem, const Completion& completion, const RewardOptions& options);

}  // namespace r1
