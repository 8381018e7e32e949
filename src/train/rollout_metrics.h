// What a rollout's episodes say of the policy: rewards, lengths, groups without variance.
#pragma once

#include "train/rollout.h"

namespace r1 {

/// Names as in TRL. group_stds: of the rewards of each group.
void add_rollout_metrics(const std::vector<Episode>& episodes, const RewardSet& rewards,
                         const std::vector<double>& all_rewards,
                         const std::vector<double>& group_stds, Rollout& rollout);

}  // namespace r1
