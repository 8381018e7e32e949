// All rewards by name, and the weighted sum of those a run has chosen.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "reward/reward.h"

namespace r1 {

/// One chosen reward.
struct RewardSpec {
  std::string name;   // in logs: as the user wrote it, or its label
  double weight = 1;  // 0: watched, that is judged and logged without a say in the score
  std::unique_ptr<const Reward> reward;
  std::vector<std::string> data = {};   // data sets it is for; empty: all
  std::vector<std::string> types = {};  // types of prompts it is for; empty: all
  /// It counts once this share of a run is over; before, it is not asked.
  double from_step_ratio = 0;
};

/// What kind of prompt a row holds: its type column, or verl's ability; "" without one.
std::string problem_type(const Problem& problem);

/// The rewards of a run. Any thread may call score.
class RewardSet {
 public:
  explicit RewardSet(std::vector<RewardSpec> specs);

  Score score(const Problem& problem, const Completion& completion) const;
  /// All at once, in order: rewards that work in batches or in their own processes need it.
  /// run_share: how much of the run is over, from 0 to 1.
  std::vector<Score> score_all(std::span<const Ask> asks, ThreadPool& pool,
                               double run_share = 1) const;
  /// Whether each reward of some weight that is for this problem's data can judge it, and at least
  /// one is.
  bool can_judge(const Problem& problem) const;
  /// Whether a reward is for this problem's data and type at all.
  bool is_for(const Problem& problem) const;
  /// The share of a run from which on the problem has a score: the least from_step_ratio of the
  /// rewards of some weight that are for it.
  double opens_at(const Problem& problem) const;
  const std::vector<RewardSpec>& specs() const { return specs_; }

 private:
  std::vector<RewardSpec> specs_;
};

/// Names: see reward_help(). No weights: 1 each. Unknown or repeated names, or another number of
/// weights, are errors.
Result<RewardSet> make_rewards(const std::vector<std::string>& names,
                               const std::vector<double>& weights = {},
                               const RewardOptions& options = {});

/// What a run's config says: its [[reward]] tables (see parse_reward), or when there are none the
/// names and weights.
Result<RewardSet> choose_rewards(const std::vector<std::string>& tables,
                                 const std::vector<std::string>& names,
                                 const std::vector<double>& weights,
                                 const RewardOptions& options = {});

/// The built-in rewards that need no options: all but external programs and models.
std::vector<std::string> builtin_rewards();

/// One line a reward, for --help: name and what it pays for.
std::string reward_help();

}  // namespace r1
