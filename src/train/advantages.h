// From rewards to advantages: what an answer is compared with.            [docs/grpo.md, advantage]
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace r1 {

/// Names as verl's adv_estimator.
enum class AdvantageEstimator {
  kGrpo,                       // "grpo": R − group mean, scaled
  kRloo,                       // "rloo": R − mean of the others
  kReinforcePlusPlus,          // "reinforce_plus_plus": returns to go, whitened over all tokens
  kReinforcePlusPlusBaseline,  // "reinforce_plus_plus_baseline": R − group mean, whitened
};
Result<AdvantageEstimator> parse_advantage_estimator(const std::string& name);

/// What kGrpo divides by: the std of the group, that of the batch, or nothing (Dr. GRPO, V3.2).
enum class ScaleRewards { kGroup, kNone, kBatch };
Result<ScaleRewards> parse_scale_rewards(const std::string& name);

/// Sample standard deviation (n − 1); 0 for fewer than two.
double sample_std(std::span<const double> values);

/// Of the rewards of one group: (R − mean) / (std + 1e-4), std of the sample (n − 1); kNone:
/// R − mean; kBatch: batch_std in place of the group's.          [Shao et al. 2024, sec. 4.1.2]
std::vector<double> group_advantages(std::span<const double> rewards, ScaleRewards mode,
                                     double batch_std);

/// R_i − mean of the other rewards of the group = G / (G − 1) (R_i − mean); 0 for one alone.
/// [Ahmadian et al. 2024, eq. 8]
std::vector<double> rloo_advantages(std::span<const double> rewards);

/// Σ_{k ≥ t} r_k, r_k = −penalty_k and at the last token + reward; penalties of all tokens.
/// [Hu et al. 2025, REINFORCE++, eq. 4]
std::vector<float> returns_to_go(double reward, std::span<const double> penalties);

/// Σ_t (logp_t − reference_t): the sequence's estimate of the KL divergence, as RLOO and
/// REINFORCE++ take it out of the reward. By token:
std::vector<double> log_ratios(std::span<const float> logp, std::span<const float> reference);

/// (x − mean) / sqrt(var + 1e-8) over the tokens of all sequences, var of the sample (n − 1).
void whiten(std::span<std::vector<float>* const> sequences);

}  // namespace r1
