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

/// The answer by one of the forms 1 to 4 alone, or "" when none occurs.
std::string extract_marked_answer(std::string_view completion);

/// Strict: the thought is closed and its tags stand once, and what is said then has one answer
/// only: one <answer> … </answer> pair (at most one \boxed{…}, and that inside), or one \boxed{…}.
/// "" for anything else.
std::string extract_only_answer(const Completion& completion, const RewardOptions& options);

/// What the rewards on final answers look at: by extract_answer, or strictly when asked.
std::string find_answer(const Completion& completion, const RewardOptions& options);

/// For the built-in task: the digits inside the only <answer> … </answer> pair of the whole
/// completion, or "" when there is no pair, more than one tag of a kind, or anything but ASCII
/// digits inside.
std::string extract_answer_strict(std::string_view completion);

/// The answer within a reference solution: its last \boxed{…} or what follows "#### ", or else all
/// of it.
std::string reference_answer(std::string_view reference);

/// The verdict on an extracted answer: no verdict without a reference, 0 when truncated or absent.
Verdict judge_answer(const Problem& problem, const Completion& completion,
                     const std::string& answer, bool (*equal)(std::string_view, std::string_view));

/// 1 when the extracted answer equals the problem's, else 0; a truncated completion counts as
/// wrong.
Verdict accuracy(const Problem& problem, const Completion& completion, const RewardOptions&);
Verdict accuracy_strict(const Problem& problem, const Completion& completion, const RewardOptions&);

}  // namespace r1
