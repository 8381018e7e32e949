// Estimates of KL(policy ‖ reference) from one sampled token, each with its derivative by the
// policy's log-probability.                   [Schulman 2020, "Approximating KL divergence"]
#pragma once

#include <algorithm>
#include <string>

#include "base/error.h"
#include "kernels/lanes.h"

namespace r1 {

enum class KlEstimator { kK1, kK2, kK3 };
Result<KlEstimator> parse_kl_estimator(const std::string& name);

struct KlTerm {
  float value, dlogp;
};

/// logp − reference.
inline KlTerm kl_k1(float logp, float reference) { return {logp - reference, 1.0f}; }

/// (logp − reference)² / 2. On-policy its gradient is that of KL(policy ‖ reference).
inline KlTerm kl_k2(float logp, float reference) {
  const float d = logp - reference;
  return {0.5f * d * d, d};
}

/// ρ − ln ρ − 1, ρ = exp(reference − logp), ln ρ kept within ± 20.    [Shao et al. 2024, eq. 4]
/// On-policy its gradient is that of KL(reference ‖ policy).
inline KlTerm kl_k3(float logp, float reference) {
  const float log_rho = std::clamp(reference - logp, -20.0f, 20.0f);
  const float rho = exp_f32(log_rho);
  return {rho - log_rho - 1.0f, 1.0f - rho};
}

/// r k, r = π / π_s with π_s what sampled the token: k as if the policy itself had sampled. Both
/// factors have a gradient; that of r k3 is, on-policy, the one of KL(policy ‖ reference).
/// [DeepSeek-AI 2025, V3.2, sec. 3.1]
inline KlTerm unbiased(KlTerm k, float ratio) {
  return {ratio * k.value, ratio * (k.value + k.dlogp)};
}

inline KlTerm kl_term(KlEstimator estimator, float logp, float reference) {
  switch (estimator) {
    case KlEstimator::kK1:
      return kl_k1(logp, reference);
    case KlEstimator::kK2:
      return kl_k2(logp, reference);
    case KlEstimator::kK3:
      break;
  }
  return kl_k3(logp, reference);
}

}  // namespace r1
