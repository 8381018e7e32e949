// Losses as functions of per-token log-probabilities, each with its derivative beside it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace r1 {

/// Σ_t −w_t logp_t / total; returns the loss and sets dlogp = −w / total.
double nll(std::span<const float> logp, std::span<const float> weight, double total,
           std::span<float> dlogp);

/// How the losses of tokens become one number.                           [docs/grpo.md,
/// aggregation]
enum class Aggregation {
  kSequenceMean,  // "grpo": mean over sequences of the mean over their tokens   [Shao et al. 2024,
                  // eq. 3]
  kTokenMean,    // "dapo": mean over all tokens of the batch                   [Yu et al. 2025, eq.
                 // 12]
  kSequenceSum,  // "reinforce": mean over sequences of the sum over tokens
  kConstant,     // "dr_grpo": sum over tokens / (sequences · max length)       [Liu et al. 2025,
                 // sec. 3.2]
};
Result<Aggregation> parse_aggregation(const std::string& name);

/// The weight of each token of sequence i, so that the loss is Σ weight · token loss.
std::vector<double> token_weights(Aggregation mode, std::span<const int64_t> lengths,
                                  int64_t max_length);

/// Advantages of the G rewards of one group: (R − mean) / (std + 1e-4), "group";
/// R − mean, "none".                                                     [Shao et al. 2024,
/// sec. 4.1.2] std is the sample standard deviation (G − 1). "batch" divides by batch_std instead.
enum class ScaleRewards { kGroup, kNone, kBatch };
Result<ScaleRewards> parse_scale_rewards(const std::string& name);
std::vector<double> group_advantages(std::span<const double> rewards, ScaleRewards mode,
                                     double batch_std);
/// Sample standard deviation (n − 1); 0 for fewer than two.
double sample_std(std::span<const double> values);

struct GrpoLoss {
  float clip_low = 0.2f, clip_high = 0.2f;  // the ratio stays in [1 − low, 1 + high]
  float beta = 0.0f;                        // weight of the KL penalty
  float entropy_coef = 0.0f;                // weight of the entropy bonus
};

/// Response tokens in packed order. reference is empty when beta is 0.
struct PolicyTokens {
  std::span<const float> logp, entropy;  // of the trainer, now
  std::span<const float> old_logp;       // of the sampler, then
  std::span<const float> reference;      // of the reference policy
  std::span<const float> advantage, weight;
};

/// Sums over the tokens of one call, to be added up over micro-batches.
struct PolicyStats {
  double loss = 0, kl = 0, entropy = 0, ratio = 0;
  double ratio_min = 1e30, ratio_max = -1e30;
  double max_logp_difference = 0, logp_difference = 0;
  int64_t n_tokens = 0, n_clipped_low = 0, n_clipped_high = 0;
  void add(const PolicyStats& other);
};

/// loss_t = −w (min(r A, clip(r) A) − β k3) − c w H,  r = exp(logp − old),
/// k3 = ρ − ln ρ − 1, ρ = exp(reference − logp).             [Shao et al. 2024, eq. 3 and 4]
/// d/dlogp: −w A r where the ratio is not clipped, + w β (1 − ρ). d/dH: −c w.
PolicyStats grpo_loss(const GrpoLoss& config, const PolicyTokens& tokens, std::span<float> dlogp,
                      std::span<float> dentropy);

}  // namespace r1
