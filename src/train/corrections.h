// Importance weights for answers that other weights sampled than those that learn: ρ = π_old / π_s,
// the trainer's probability of a token before the update over the sampler's. Constants, without a
// gradient.                                                         [docs/grpo.md, corrections]
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace r1 {

/// Names as verl's rollout_correction.
struct RolloutCorrection {
  std::string rollout_is = "token";
  double rollout_is_threshold = 2.0;
  std::string rollout_rs = "none";
  double rollout_rs_threshold = 2.0;
  double rollout_rs_threshold_lower = 0.0;

  void visit(auto&& f) {
    f("rollout_is", rollout_is,
      "importance weights, truncated: token (TIS), sequence (of the whole answer) or none");
    f("rollout_is_threshold", rollout_is_threshold, "and truncated at this");
    f("rollout_rs", rollout_rs,
      "what does not count at all, by its ratio: token (MIS, IcePop), sequence, geometric (mean "
      "per token) or none");
    f("rollout_rs_threshold", rollout_rs_threshold, "above this ratio it does not count");
    f("rollout_rs_threshold_lower", rollout_rs_threshold_lower,
      "nor below this; 0: 1 / rollout_rs_threshold");
  }
  Result<void> validate() const;
  double least() const {
    return rollout_rs_threshold_lower > 0 ? rollout_rs_threshold_lower : 1 / rollout_rs_threshold;
  }
};

/// min(ρ_t, C): token TIS.                                            [Yao et al. 2025]
float truncated_weight(double log_rho, double cap);
/// exp(Σ ln ρ_t), the ratio of a whole answer; sequence TIS truncates it.
double sequence_log_ratio(std::span<const double> log_rho);
/// 1/L Σ ln ρ_t: the logarithm of the geometric mean.
double geometric_log_ratio(std::span<const double> log_rho);
/// Whether low ≤ ρ ≤ high: the mask of MIS, of IcePop, and of whole answers.
bool is_within(double log_rho, double low, double high);

/// Sums over tokens, to be added up over answers.
struct CorrectionStats {
  double difference = 0, max_difference = 0;  // |ln ρ|
  double weight = 0, least = 1e30, most = -1e30;
  double k3 = 0;  // ρ − ln ρ − 1, an estimate of KL(π_s ‖ π_old)
  int64_t n_tokens = 0, n_masked = 0;
};

/// The weights of an answer's tokens.
std::vector<float> correction_weights(const RolloutCorrection& config,
                                      std::span<const float> old_logp,
                                      std::span<const float> sampler_logp, CorrectionStats& stats);

}  // namespace r1
