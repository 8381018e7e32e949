// The mathematical accuracy reward: the final answer equals the reference in value, not in letters.
#pragma once

#include <memory>

#include "reward/reward.h"
#include "reward/settings.h"

namespace r1 {

/// 1 when verify_answer (math/verify.h) says so, else 0. A truncated completion counts as wrong;
/// a problem without a reference has no verdict. Options: MathOptions. Strict: one marked answer
/// behind the closed thought (answer.h), in ASCII where the reference is, and worked out.
Result<std::unique_ptr<const Reward>> make_math_answer(const RewardSettings& settings);

}  // namespace r1
