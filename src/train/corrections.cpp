#include "train/corrections.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "train/advantages.h"

namespace r1 {
namespace {

constexpr double kMostLogRatio = 20;  // exponents are bounded as in the loss

double bounded_exp(double x) { return std::exp(std::clamp(x, -kMostLogRatio, kMostLogRatio)); }

}  // namespace

Result<void> RolloutCorrection::validate() const {
  if (rollout_is != "none" && rollout_is != "token" && rollout_is != "sequence") {
    return fail("rollout_correction.rollout_is is '{}'; known: token, sequence, none", rollout_is);
  }
  if (rollout_rs != "none" && rollout_rs != "token" && rollout_rs != "sequence" &&
      rollout_rs != "geometric") {
    return fail("rollout_correction.rollout_rs is '{}'; known: token, sequence, geometric, none",
                rollout_rs);
  }
  if (!(rollout_is_threshold > 0) || !(rollout_rs_threshold > 0)) {
    return fail("rollout_correction: thresholds {} and {} must be above 0", rollout_is_threshold,
                rollout_rs_threshold);
  }
  if (rollout_rs == "none" || (least() > 0 && least() <= rollout_rs_threshold)) return {};
  return fail("rollout_correction: what counts lies between {} and {}, which is nothing", least(),
              rollout_rs_threshold);
}

float truncated_weight(double log_rho, double cap) {
  return static_cast<float>(std::min(bounded_exp(log_rho), cap));
}

double sequence_log_ratio(std::span<const double> log_rho) {
  return std::accumulate(log_rho.begin(), log_rho.end(), 0.0);
}

double geometric_log_ratio(std::span<const double> log_rho) {
  return sequence_log_ratio(log_rho) / static_cast<double>(log_rho.size());
}

bool is_within(double log_rho, double low, double high) {
  const double rho = bounded_exp(log_rho);
  return rho >= low && rho <= high;
}

std::vector<float> correction_weights(const RolloutCorrection& config,
                                      std::span<const float> old_logp,
                                      std::span<const float> sampler_logp, CorrectionStats& stats) {
  const std::vector<double> log_rho = log_ratios(old_logp, sampler_logp);
  std::vector<float> weights;
  const double whole = sequence_log_ratio(log_rho);
  const double mean = log_rho.empty() ? 0.0 : geometric_log_ratio(log_rho);
  for (double token : log_rho) {
    float weight = 1.0f;
    if (config.rollout_is == "token") weight = truncated_weight(token, config.rollout_is_threshold);
    if (config.rollout_is == "sequence") {
      weight = truncated_weight(whole, config.rollout_is_threshold);
    }
    const double judged = config.rollout_rs == "token"      ? token
                          : config.rollout_rs == "sequence" ? whole
                                                            : mean;
    const bool is_masked = config.rollout_rs != "none" &&
                           !is_within(judged, config.least(), config.rollout_rs_threshold);
    if (is_masked) weight = 0.0f;
    weights.push_back(weight);
    stats.difference += std::abs(token);
    stats.max_difference = std::max(stats.max_difference, std::abs(token));
    stats.weight += weight;
    stats.least = std::min(stats.least, static_cast<double>(weight));
    stats.most = std::max(stats.most, static_cast<double>(weight));
    stats.k3 += bounded_exp(token) - token - 1;
    stats.n_masked += is_masked;
  }
  stats.n_tokens += static_cast<int64_t>(weights.size());
  return weights;
}

}  // namespace r1
