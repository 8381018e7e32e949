// What the learning rate and the batch are at each step: by share of the tokens, as DeepSeek-V3.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace r1 {

/// Where the rate of deepseek_v3 changes, as shares of all tokens, and to what part of its peak.
/// Defaults: 2.2e-4 until 10T of 14.8T tokens, cosine to 2.2e-5 at 14.3T, that for 333B, then
/// 7.3e-6 for 167B.                                                      [DeepSeek-V3, section 4.2]
struct RateShape {
  double lr_hold_share = 10.0 / 14.8;
  double lr_decay_share = 14.3 / 14.8;
  double lr_tail_share = 14.633 / 14.8;
  double lr_plateau_ratio = 0.1;
  double lr_tail_ratio = 7.3 / 220;

  void visit(auto&& f) {
    f("lr_hold_share", lr_hold_share,
      "deepseek_v3, warmup_stable_decay: the peak is held until this share of all tokens");
    f("lr_decay_share", lr_decay_share, "deepseek_v3: share at which the cosine ends");
    f("lr_tail_share", lr_tail_share, "deepseek_v3: share at which the last, lowest rate begins");
    f("lr_plateau_ratio", lr_plateau_ratio,
      "deepseek_v3: part of the peak that the cosine ends at");
    f("lr_tail_ratio", lr_tail_ratio, "deepseek_v3: part of the peak at the end");
  }
  Result<void> validate() const;
};

/// How many tokens each step is planned to have: linear in the tokens seen, then constant. V3: 3072
/// to 15360 sequences of 4096 over the first 469B tokens. The real number differs a little where
/// documents are kept whole; the plan alone decides rate and batch, so that a resumed run agrees.
struct BatchRamp {
  int64_t tokens_per_step_start = 0;
  int64_t batch_ramp_tokens = 0;
  int64_t train_tokens = 0;

  void visit(auto&& f) {
    f("tokens_per_step_start", tokens_per_step_start,
      "tokens of the first step, when batches grow; 0: they do not");
    f("batch_ramp_tokens", batch_ramp_tokens,
      "tokens after which a step has tokens_per_step of them");
    f("train_tokens", train_tokens, "tokens of the whole run instead of max_steps; 0: max_steps");
  }
};

class TokenPlan {
 public:
  /// The same number in every step.
  TokenPlan(int64_t tokens_per_step, int64_t n_steps);
  /// max_steps counts where the ramp names no train_tokens.
  static Result<TokenPlan> make(const BatchRamp& ramp, int64_t tokens_per_step, int64_t max_steps);

  int64_t at(int64_t step) const { return before(step + 1) - before(step); }
  int64_t before(int64_t step) const;  // tokens of all earlier steps
  int64_t n_steps() const { return n_steps_; }
  int64_t total() const { return total_; }
  double done(int64_t step) const;  // share of the total before a step, at most 1

 private:
  std::vector<int64_t> ramp_{0};  // before(0), before(1), … while the batch grows
  int64_t tokens_per_step_, n_steps_, total_;
};

/// Part of the peak rate once warm-up is over. linear and cosine go by `after_warmup`, the share of
/// what follows warm-up; warmup_stable_decay and deepseek_v3 by `done`, the share of everything.
Result<double> rate_share(const std::string& type, double done, double after_warmup,
                          double min_lr_ratio, const RateShape& shape);

}  // namespace r1
