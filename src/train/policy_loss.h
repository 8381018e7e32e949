// What a policy minimises over the tokens of an answer, with the derivative beside each formula.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "train/kl.h"

namespace r1 {

/// What is made of the ratio r = π / π_old and the advantage A of a token.
enum class SurrogateKind {
  kPpoClip,    // "ppo_clip": min(r A, clip(r) A)
  kCispo,      // "cispo": clip(r) A ln π, the clip without a gradient
  kReinforce,  // "reinforce": A ln π
};
Result<SurrogateKind> parse_policy_loss(const std::string& name);

/// Whose ratio it is. Names as TRL's importance_sampling_level.
enum class RatioLevel {
  kToken,          // "token": exp(logp − old)
  kSequence,       // "sequence", GSPO: s = exp(mean over the answer of logp − old)
  kSequenceToken,  // "sequence_token", GSPO-token: s by value, the token's own by gradient
};
Result<RatioLevel> parse_ratio_level(const std::string& name);

/// What is to be made large, and how it moves: d value / d ln r = advantage · kept.
struct Surrogate {
  float value, kept;
  bool is_clipped_low = false, is_clipped_high = false;
};

/// min(r A, clip(r, 1 − low, 1 + high) A). kept: r, or 0 where the clipped term is the smaller one.
/// delta > 0: for A < 0 no less than δ A, so that r beyond δ has no gradient (dual clip).
/// [Schulman et al. 2017, eq. 7; Ye et al. 2020, eq. 4]
Surrogate clipped_surrogate(float ratio, float advantage, float low, float high, float delta);
/// sg(clip(r, 1 − low, 1 + high)) A ln π; d / d ln π = A clip(r).     [MiniMax 2025, M1, eq. 4]
Surrogate cispo_surrogate(float ratio, float advantage, float logp, float low, float high);
/// A ln π.                                                            [Williams 1992]
Surrogate reinforce_surrogate(float advantage, float logp);

/// The length-normalised ratio of a sequence, exp(1/L Σ_t (logp_t − old_t)).
/// [Zheng et al. 2025, GSPO, eq. 7]
float sequence_ratio(std::span<const float> logp, std::span<const float> old_logp);

/// False where the answer was bad and the policy has moved far away from what sampled it:
/// A < 0 and 1/L Σ_t (sampler_t − logp_t) > threshold.    [DeepSeek-AI 2025, V3.2, sec. 3.1]
bool keeps_sequence(float advantage, std::span<const float> sampler_logp,
                    std::span<const float> logp, float threshold);

struct PolicyLoss {
  SurrogateKind kind = SurrogateKind::kPpoClip;
  RatioLevel level = RatioLevel::kToken;
  float clip_low = 0.2f, clip_high = 0.2f;  // the ratio stays in [1 − low, 1 + high]
  float delta = 0.0f;                       // dual clip; 0: none
  float beta = 0.0f;                        // weight of the KL penalty
  KlEstimator kl = KlEstimator::kK3;
  bool unbiased_kl = false;
  float off_policy_mask_threshold = 0.0f;  // of keeps_sequence; 0: every sequence is kept
  float entropy_coef = 0.0f;               // weight of the entropy bonus
};

/// The response tokens of one sequence.
struct PolicyTokens {
  std::span<const float> logp, entropy;  // of the trainer, now
  std::span<const float> old_logp;       // of the trainer, before the rollout's first update
  std::span<const float> sampler_logp;   // of the sampler; the same bits with the same weights
  std::span<const float> reference;      // of the reference policy; empty: no penalty in the loss
  std::span<const float> advantage;
  std::span<const float> correction;  // importance weights of the surrogate; empty: 1 each
  float weight = 1.0f;                // of each token's loss
};

/// Sums over the tokens of one call, to be added up over sequences.
struct PolicyStats {
  double loss = 0, kl = 0, entropy = 0, ratio = 0;
  double ratio_min = 1e30, ratio_max = -1e30;
  double max_logp_difference = 0, logp_difference = 0;
  int64_t n_tokens = 0, n_clipped_low = 0, n_clipped_high = 0;
  int64_t n_sequences = 0, n_masked_sequences = 0;
  void add(const PolicyStats& other);
};

/// loss_t = −w (c M surrogate_t − β kl_t) − e w H_t, c the correction, M of keeps_sequence.
/// d/dlogp: −w c M A kept + w β kl'. A sequence's own ratio spreads: each token gets 1/L of the
/// sum. d/dH: −e w.
PolicyStats policy_loss(const PolicyLoss& config, const PolicyTokens& tokens,
                        std::span<float> dlogp, std::span<float> dentropy);

}  // namespace r1
