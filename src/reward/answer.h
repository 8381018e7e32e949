// The accuracy reward: finds the final answer of a completion and compares it exactly.
#pragma once

#include <string>
#include <string_view>

#include "reward/reward.h"

namespace r1 {

/// The final answer, or "" when there is none. Only what follows the last </think> is searched
/// (nothing, when a <think> was never closed). The first of these forms that occurs decides:
///   1. <answer> … </answer>: exactly one pair, nothing but the answer inside
///   2. the last balanced \boxed{…}
///   3. the line after the last "#### "
///   4. the sentence after the last "answer is"; its number when it has exactly one
///   5. the last number
std::string extract_answer(std::string_view completion);

/// For the built-in task: the digits inside the only <answer> … </answer> pair of the whole
/// completion, or "" when there is no pair, more than one tag of a kind, or anything but ASCII
/// digits inside.
std::string extract_answer_strict(std::string_view completion);

/// The answer within a reference solution: its last \boxed{…} or what follows "#### ", or else all
/// of it.
std::string reference_answer(std::string_view reference);

/// 1 when the extracted answer equals the problem's, else 0; a truncated completion counts as
/// wrong.
Verdict accuracy(const Problem& problem, const Completion& completion, const RewardOptions&);
Verdict accuracy_strict(const Problem& problem, const Completion& completion, const RewardOptions&);

}  // namespace r1
