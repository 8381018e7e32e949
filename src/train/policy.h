// The policy of an RL run: it samples, scores and updates.
#pragma once

#include "train/learner.h"
#include "train/policy_loss.h"
#include "train/rollout.h"

namespace r1 {

/// The loss that a config asks for. What stands in the reward is no part of it.
Result<PolicyLoss> policy_loss_of(const GrpoConfig& config);

/// Whose weights a policy works with, beside the learner's own.
struct PolicyModels {
  Transformer* reference = nullptr;  // null: the model without its adapter, if beta needs one
  Transformer* rollout = nullptr;    // what the engine runs; null: the learner's weights
};

/// One thread drives it.
class Policy {
 public:
  Policy(const GrpoConfig& config, const PolicyLoss& loss, Learner& learner, Engine& engine,
         const Chat& chat, const RewardSet& rewards, PolicyModels models);

  /// Groups of completions of each problem; draws are keyed by (seed, step, first + problem,
  /// sample). run_share: of the run that is over.
  Result<std::vector<Episode>> sample(const std::vector<Problem>& problems, int64_t step,
                                      int64_t first, double run_share);

  /// Fills in the reference's log-probabilities, and where the sampler has weights of its own those
  /// of the trainer and the correction between the two.
  void score(Rollout& rollout);

  /// All updates of one rollout. CHECKs that before the first one every ratio is exactly 1.
  Result<Metrics> update(Rollout& rollout, int64_t step, double rate);

  /// The sampler's weights become the learner's, rounded. Nothing to do where they are the same.
  void sync_rollout_weights();

 private:
  void score(Rollout& rollout, const Transformer& model, bool with_adapter,
             std::vector<float> Trajectory::*to);
  void correct(Rollout& rollout);
  Result<PolicyStats> accumulate(const std::vector<Trajectory>& all, const std::vector<int>& chosen,
                                 MtpLoss& mtp);
  void describe(const PolicyStats& stats, double norm, double rate, Metrics& metrics) const;
  void describe_sampling(const PolicyStats& first, Metrics& metrics) const;

  const GrpoConfig& config_;
  PolicyLoss loss_;
  Learner& learner_;
  Engine& engine_;
  const Chat& chat_;
  const RewardSet& rewards_;
  PolicyModels models_;
  float inverse_temperature_;
  EngineStats guessed_;          // n_drafted and n_accepted of the step's rollout
  int64_t guessed_step_ = -1;    // which step that is
  CorrectionStats corrections_;  // of the last rollout
};

}  // namespace r1
