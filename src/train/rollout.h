// From sampled episodes to what the update needs: advantages, weights, packed sequences.
#pragma once

#include "train/advantages.h"
#include "train/batch.h"
#include "train/corrections.h"
#include "train/grpo.h"
#include "train/objectives.h"

namespace r1 {

/// One episode that takes part in the update.
struct Trajectory {
  TokenSequence sequence;           // prompt and completion; the completion's tokens have weight 1
  std::vector<float> sampler_logp;  // of the completion's tokens, from the sampler
  std::vector<float> old_logp;      // from the trainer before the update: the same bits, unless the
                                    // sampler ran other weights
  std::vector<float> reference;     // filled in when beta > 0
  std::vector<float> advantage;     // of each token of the completion
  std::vector<float> correction;    // of each token; empty: 1
  float weight = 0;                 // of each token's loss
  size_t episode = 0;               // its index
  int64_t group = 0;
  double reward = 0;
};

struct Rollout {
  std::vector<Trajectory> trajectories;  // of one group stand together
  Metrics metrics;                       // rewards, lengths, zero-variance groups
  int64_t n_tokens = 0;
  int64_t n_informative = 0;  // groups whose rewards differ
  double batch_std = 0;       // of all rewards
};

/// How rewards become advantages and weights, as the config says it.
struct RolloutRules {
  Aggregation aggregation = Aggregation::kTokenMean;
  ScaleRewards scaling = ScaleRewards::kGroup;
  AdvantageEstimator estimator = AdvantageEstimator::kGrpo;
  double beta = 0;
  bool kl_in_reward = false;  // the penalty stands in the reward, not in the loss

  static Result<RolloutRules> of(const GrpoConfig& config);
  bool needs_reference() const { return beta > 0; }
  /// Whether a group of equal rewards has no gradient at all.
  bool drops_flat_groups() const {
    const bool is_relative =
        estimator == AdvantageEstimator::kGrpo || estimator == AdvantageEstimator::kRloo;
    return is_relative && beta == 0;
  }
};

/// Whether an episode takes part: it has a verdict, and was not cut where cut ones are masked.
bool takes_part(const Episode& episode, const GrpoConfig& config);
/// Whether the rewards of a group's episodes differ.
bool is_informative(std::span<const Episode> group, const GrpoConfig& config);

/// Groups of config.num_generations episodes in order, with the metrics of all of them. Left out
/// are episodes that do not take part, groups without variance where they have no gradient or with
/// dynamic sampling, and with that what is beyond a full batch.
Rollout collect_rollout(const std::vector<Episode>& episodes, const GrpoConfig& config,
                        const RewardSet& rewards, const RolloutRules& rules);

/// Advantages and weights, once the reference is known where it is needed.
void weigh_rollout(Rollout& rollout, const RolloutRules& rules, int64_t max_completion_length);

}  // namespace r1
