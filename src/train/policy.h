// The policy of an RL run: it samples, scores and updates, with one set of weights.
#pragma once

#include "train/learner.h"
#include "train/rollout.h"

namespace r1 {

/// One thread drives it. reference == nullptr: the model without its adapter, if beta needs one.
class Policy {
 public:
  Policy(const GrpoConfig& config, Learner& learner, Engine& engine, const Chat& chat,
         const RewardSet& rewards, Transformer* reference);

  /// Groups of completions of each problem; draws are keyed by (seed, step, problem, sample).
  Result<std::vector<Episode>> sample(const std::vector<Problem>& problems, int64_t step);

  /// Fills in the reference's log-probabilities.
  void score_reference(Rollout& rollout);

  /// All updates of one rollout. CHECKs that before the first one every ratio is exactly 1.
  Result<Metrics> update(Rollout& rollout, int64_t step, double rate);

 private:
  Result<PolicyStats> accumulate(const std::vector<Trajectory>& all, const std::vector<int>& chosen,
                                 MtpLoss& mtp);
  Metrics describe(const PolicyStats& stats, double norm, double rate) const;

  const GrpoConfig& config_;
  Learner& learner_;
  Engine& engine_;
  const Chat& chat_;
  const RewardSet& rewards_;
  Transformer* reference_;
  GrpoLoss loss_;
  float inverse_temperature_;
  EngineStats guessed_;  // n_drafted and n_accepted of the last rollout
};

}  // namespace r1
