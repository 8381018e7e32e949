// What of a run's config must fit together, found out before anything is sampled.
#pragma once

#include "train/adapters.h"
#include "train/grpo.h"

namespace r1 {

/// The rewards of the config: its tables or names, and soft_overlong's.
Result<RewardSet> rewards_of(const GrpoConfig& config);

/// An adapted model is its own reference, which never changes.
Result<void> check_reference(const GrpoConfig& config, const TrainedModel& from);
Result<void> check_mtp(const GrpoConfig& config, const Transformer& model);

}  // namespace r1
