// All rewards by name, and the weighted sum of those a run has chosen.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "reward/reward.h"

namespace r1 {

/// One chosen reward.
struct RewardSpec {
  std::string name;  // as the user wrote it
  double weight = 1;
  RewardFunction function = nullptr;
};

/// The rewards of a run. Any thread may call score.
class RewardSet {
 public:
  RewardSet(std::vector<RewardSpec> specs, RewardOptions options);

  Score score(const Problem& problem, const Completion& completion) const;
  const std::vector<RewardSpec>& specs() const { return specs_; }

 private:
  std::vector<RewardSpec> specs_;
  RewardOptions options_;
};

/// Names: accuracy (also exact, numeric), accuracy_strict, format, format_r1, format_open_r1,
/// last_digit_language. No weights: 1 each. Unknown or repeated names, or another number of
/// weights, are errors.
Result<RewardSet> make_rewards(const std::vector<std::string>& names,
                               const std::vector<double>& weights = {},
                               const RewardOptions& options = {});

/// One line a reward, for --help: name and what it pays for.
std::string reward_help();

}  // namespace r1
