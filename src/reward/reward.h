// What a reward is: a completion goes in, one number with its parts and its reason comes out.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "data/problem.h"

namespace r1 {

/// What a model wrote after the prompt.
struct Completion {
  std::string_view text;     // without the end-of-sequence token
  bool finished = false;     // ended by itself, not by the length limit
  bool opens_think = false;  // the prompt ended inside <think>, as R1's own template does
  int64_t n_tokens = -1;     // -1: unknown; lengths are then counted in characters
};

struct RewardOptions {
  bool prefilled_think = false;  // <think> stands in every prompt, whatever the template says
  bool strict = false;           // nothing is guessed: see docs/rewards.md, "strict"

  void visit(auto&& f) {
    f("prefilled_think", prefilled_think, "the prompt already ends with <think>");
    f("strict", strict, "one marked answer after a closed thought, nothing guessed");
  }
};

/// What one reward says. Not valid: it cannot judge this problem (no reference answer).
struct Verdict {
  double value = 0;
  std::string reason;  // for people
  bool valid = true;
  std::string extracted = {}, reference = {};  // what was compared, where something was
};

/// A rule without options or state of its own. Any thread may call it.
using RewardFunction = Verdict (*)(const Problem&, const Completion&, const RewardOptions&);

/// One completion to judge.
struct Ask {
  const Problem* problem = nullptr;
  Completion completion;
};

/// A reward with options or state. Any thread may call it.
class Reward {
 public:
  virtual ~Reward() = default;
  virtual Verdict score(const Problem& problem, const Completion& completion) const = 0;
  /// Whether this problem's row has what the reward needs. Cheap: asked once for every row.
  virtual bool can_judge(const Problem& problem) const = 0;
  /// All at once, in order; here the pool's threads share them.
  virtual std::vector<Verdict> score_all(std::span<const Ask> asks, ThreadPool& pool) const;
};

/// The weighted sum of several rewards.
struct Score {
  double value = 0;
  // by name, before weighting; NaN where a reward had no verdict or is not for this data
  std::vector<std::pair<std::string, double>> parts;
  std::string reason;
  bool valid = true;  // false when a part has no verdict: the completion is masked, not zeroed
};

}  // namespace r1
