// Losses of distillation, one function each with its derivative beside it. [docs/distillation.md]
//
// Of one position: z are the student's logits, t the teacher's, over one vocabulary; at temperature
// τ they give q = softmax(z / τ) and p = softmax(t / τ). Each function returns the loss and adds
// scale times its derivative by z to dz. All are times τ², so that gradients keep their size
// [Hinton et al. 2015, section 2.1].
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"

namespace r1 {

/// KL(p ‖ q) = Σ p (ln p − ln q); d/dz = τ (q − p). Covers all that the teacher may say.
double forward_kl(std::span<const float> z, std::span<const float> t, float temperature,
                  float scale, std::span<float> dz);

/// KL(q ‖ p) = Σ q (ln q − ln p); d/dz_v = τ q_v (ln (q_v / p_v) − KL(q ‖ p)). Seeks what the
/// teacher says most.
double reverse_kl(std::span<const float> z, std::span<const float> t, float temperature,
                  float scale, std::span<float> dz);

/// m = β p + (1 − β) q; β KL(p ‖ m) + (1 − β) KL(q ‖ m)              [Agarwal et al. 2024, eq. 1]
/// d/dz_v = (1 − β) τ q_v (ln (q_v / m_v) − KL(q ‖ m)). β = 0 is forward_kl and β = 1 reverse_kl,
/// as TRL has it. Deviation from TRL: τ² (they agree at τ = 1).
double generalized_jsd(std::span<const float> z, std::span<const float> t, float beta,
                       float temperature, float scale, std::span<float> dz);

/// −ln softmax(z)_y at temperature 1; d/dz = softmax(z) − e_y.
double hard_label(std::span<const float> z, int32_t target, float scale, std::span<float> dz);

/// What is kept of a teacher's distribution at one position: the k likeliest tokens at temperature
/// τ, and the mass of all others.
struct TopK {
  std::span<const int32_t> ids;
  std::span<const float> logp;
  float rest = 0;
};

/// The k largest of t, likeliest first, with their log-probabilities at τ; among equals the lower
/// id. Returns the mass of the rest.
float take_top_k(std::span<const float> t, float temperature, std::span<int32_t> ids,
                 std::span<float> logp);

/// Forward KL over the k tokens and one bucket for the rest:
///   Σ_{i ≤ k} p_i ln (p_i / q_i) + p_rest ln (p_rest / q_rest)
/// d/dz_v = τ (q_v − p_v) for one of the k, τ q_v (1 − p_rest / q_rest) for any other. Without the
/// bucket the student would be drawn to put all mass on the k.
double top_k_kl(std::span<const float> z, const TopK& teacher, float temperature, float scale,
                std::span<float> dz);

/// On-policy distillation by policy gradient: the advantage of a sampled token is
///   A = ln p(y) − ln q_old(y)
/// without a discount, the ratio r = q / q_old is clipped as in PPO:
///   loss = Σ_t −weight_t min(r A, clip(r, 1 − ε, 1 + ε) A)
/// The derivative by logp is −weight r A, or 0 where the clip holds. Its mean over samples is the
/// gradient of the reverse KL, and only the teacher's probability of the sampled token is needed.
double policy_distillation(std::span<const float> logp, std::span<const float> old_logp,
                           std::span<const float> teacher_logp, std::span<const float> weight,
                           float epsilon, std::span<float> dlogp);

enum class FeatureLoss { kMse, kCosine };
Result<FeatureLoss> parse_feature_loss(const std::string& name);

/// Of one row: y is the student's projected residual stream, h the teacher's, n wide.
///   mse     Σ (y − h)² / n;       d/dy = 2 (y − h) / n
///   cosine  1 − y·h / (|y| |h|);  d/dy = −(h / |h| − cos y / |y|) / |y|
/// dy is overwritten, with scale in it.
double feature_loss(FeatureLoss kind, std::span<const float> y, std::span<const float> h,
                    float scale, std::span<float> dy);

}  // namespace r1
