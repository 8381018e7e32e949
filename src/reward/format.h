// The format rewards: 1 when thought and answer stand in their tags, else 0.
#pragma once

#include "reward/reward.h"

namespace r1 {

/// R1-Zero: <think> thought </think> <answer> answer </answer>; each tag once and in this order,
/// neither part blank, nothing but white space outside, and ended by the model itself.
Verdict format_zero(const Problem&, const Completion& completion, const RewardOptions& options);

/// R1: <think> thought </think> and then any text; each tag once, neither part blank.
Verdict format_r1(const Problem&, const Completion& completion, const RewardOptions& options);

/// open-r1: exactly <think>\n…\n</think>\n<answer>\n…\n</answer>, nothing around.
Verdict format_open_r1(const Problem&, const Completion& completion, const RewardOptions& options);

}  // namespace r1
