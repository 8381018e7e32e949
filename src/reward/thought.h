// Where the thought of a completion ends and what is said begins.
#pragma once

#include <optional>
#include <string_view>

#include "reward/reward.h"

namespace r1 {

/// Whether the completion begins inside the thought.
bool begins_in_thought(const Completion& completion, const RewardOptions& options);

/// What stands between <think> and the last </think> (to the end when it is never closed); "" when
/// there is no thought.
std::string_view thought_of(const Completion& completion, const RewardOptions& options);

/// What is said after the last </think>; nothing when the thought is never closed. Strict: each tag
/// at most once, nothing before the thought; nothing otherwise.
std::string_view said_after_thought(const Completion& completion, const RewardOptions& options);

}  // namespace r1
