// From sampled episodes to what the update needs: advantages, weights, packed sequences.
#pragma once

#include "train/batch.h"
#include "train/grpo.h"

namespace r1 {

/// One episode that takes part in the update.
struct Trajectory {
  TokenSequence sequence;        // prompt and completion; the completion's tokens have weight 1
  std::vector<float> old_logp;   // of the completion's tokens, from the sampler
  std::vector<float> reference;  // filled in when beta > 0
  float advantage = 0, weight = 0;
};

struct Rollout {
  std::vector<Trajectory> trajectories;
  Metrics metrics;  // rewards, lengths, zero-variance groups
  int64_t n_tokens = 0;
};

/// Groups of config.num_generations episodes in order. Groups without variance are dropped when
/// beta is 0, since they carry no gradient; episodes without a verdict or (when asked) truncated
/// are masked: they take part in no group and no loss.
Rollout make_rollout(const std::vector<Episode>& episodes, const GrpoConfig& config,
                     const RewardSet& rewards, Aggregation aggregation, ScaleRewards scaling,
                     std::vector<double>* advantages);

}  // namespace r1
