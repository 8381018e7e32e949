#include "train/schedule.h"

#include <algorithm>
#include <cmath>

namespace r1 {
namespace {

constexpr int64_t kMostRampSteps = 10'000'000;
constexpr int64_t kMostTokens = int64_t{1} << 55;  // sums and products below stay exact

/// From 1 to 0 while x goes from 0 to 1.
double half_cosine(double x) { return 0.5 * (1.0 + std::cos(3.14159265358979323846 * x)); }

double deepseek_v3(double done, const RateShape& s) {
  if (done < s.lr_hold_share) return 1.0;
  if (done >= s.lr_tail_share) return s.lr_tail_ratio;
  if (done >= s.lr_decay_share) return s.lr_plateau_ratio;
  const double x = (done - s.lr_hold_share) / (s.lr_decay_share - s.lr_hold_share);
  return s.lr_plateau_ratio + (1.0 - s.lr_plateau_ratio) * half_cosine(x);
}

}  // namespace

Result<void> RateShape::validate() const {
  if (!(0 <= lr_hold_share && lr_hold_share <= lr_decay_share && lr_decay_share <= lr_tail_share &&
        lr_tail_share <= 1)) {
    return fail(
        "lr_hold_share {}, lr_decay_share {} and lr_tail_share {} must lie from 0 to 1, in this "
        "order",
        lr_hold_share, lr_decay_share, lr_tail_share);
  }
  if (!(lr_plateau_ratio > 0 && lr_tail_ratio > 0)) {
    return fail("lr_plateau_ratio {} and lr_tail_ratio {} must be positive", lr_plateau_ratio,
                lr_tail_ratio);
  }
  return {};
}

TokenPlan::TokenPlan(int64_t tokens_per_step, int64_t n_steps)
    : tokens_per_step_(tokens_per_step), n_steps_(n_steps), total_(tokens_per_step * n_steps) {}

Result<TokenPlan> TokenPlan::make(const BatchRamp& ramp, int64_t tokens_per_step,
                                  int64_t max_steps) {
  if (tokens_per_step < 1)
    return fail("tokens_per_step is {}; it must be at least 1", tokens_per_step);
  if (max_steps < 1) return fail("max_steps is {}; it must be at least 1", max_steps);
  for (const int64_t n :
       {tokens_per_step, ramp.tokens_per_step_start, ramp.batch_ramp_tokens, ramp.train_tokens}) {
    if (n > kMostTokens) return fail("{} tokens; the most are {}", n, kMostTokens);
  }
  if (max_steps > kMostTokens / tokens_per_step)
    return fail("{} steps of {} tokens; the most are {}", max_steps, tokens_per_step, kMostTokens);
  const int64_t first = ramp.tokens_per_step_start, over = ramp.batch_ramp_tokens;
  if (first < 0 || over < 0 || (first > 0) != (over > 0)) {
    return fail(
        "tokens_per_step_start {} and batch_ramp_tokens {} go together: the first batch, and the "
        "tokens until it has grown",
        first, over);
  }
  if (ramp.train_tokens < 0)
    return fail("train_tokens is {}; it must be at least 0", ramp.train_tokens);
  TokenPlan plan(tokens_per_step, max_steps);
  if (first > 0) {
    if (over / std::min(first, tokens_per_step) > kMostRampSteps) {
      return fail("batch_ramp_tokens {} are more than {} steps of {} tokens", over, kMostRampSteps,
                  std::min(first, tokens_per_step));
    }
    const double growth = static_cast<double>(tokens_per_step - first);
    while (plan.ramp_.back() < over) {
      const double x = static_cast<double>(plan.ramp_.back()) / static_cast<double>(over);
      plan.ramp_.push_back(plan.ramp_.back() + first + std::llround(growth * x));
    }
  }
  if (ramp.train_tokens > 0) {
    const auto& steps = plan.ramp_;
    const auto it = std::lower_bound(steps.begin(), steps.end(), ramp.train_tokens);
    const int64_t rest = std::max<int64_t>(0, ramp.train_tokens - steps.back());
    plan.n_steps_ = it != steps.end()
                        ? it - steps.begin()
                        : std::ssize(steps) - 1 + (rest + tokens_per_step - 1) / tokens_per_step;
    plan.total_ = ramp.train_tokens;
  } else {
    plan.total_ = plan.before(max_steps);
  }
  return plan;
}

int64_t TokenPlan::before(int64_t step) const {
  if (step <= 0) return 0;
  const int64_t grown = std::ssize(ramp_) - 1;
  if (step <= grown) return ramp_[static_cast<size_t>(step)];
  return ramp_.back() + (step - grown) * tokens_per_step_;
}

double TokenPlan::done(int64_t step) const {
  return std::min(1.0, static_cast<double>(before(step)) / static_cast<double>(total_));
}

Result<double> rate_share(const std::string& type, double done, double after_warmup,
                          double min_lr_ratio, const RateShape& shape) {
  R1_RETURN_IF_ERROR(shape.validate());
  if (type == "deepseek_v3") return deepseek_v3(done, shape);
  double share = 1.0;
  if (type == "linear") {
    share = 1.0 - after_warmup;
  } else if (type == "cosine") {
    share = half_cosine(after_warmup);
  } else if (type == "warmup_stable_decay") {
    const double hold = shape.lr_hold_share;
    if (done > hold) share = half_cosine((done - hold) / (1.0 - hold));
  } else if (type != "constant") {
    return fail(
        "unknown lr_scheduler_type '{}'; known: constant, linear, cosine, warmup_stable_decay, "
        "deepseek_v3",
        type);
  }
  return min_lr_ratio + (1.0 - min_lr_ratio) * share;
}

}  // namespace r1
