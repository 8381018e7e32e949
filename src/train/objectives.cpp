#include "train/objectives.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/lanes.h"

namespace r1 {
namespace {

float bounded_exp(float x) { return exp_f32(std::clamp(x, -20.0f, 20.0f)); }

}  // namespace

double nll(std::span<const float> logp, std::span<const float> weight, double total,
           std::span<float> dlogp) {
  double loss = 0;
  for (size_t t = 0; t < logp.size(); ++t) {
    loss -= static_cast<double>(weight[t]) * logp[t] / total;
    dlogp[t] = static_cast<float>(-weight[t] / total);
  }
  return loss;
}

Result<Aggregation> parse_aggregation(const std::string& name) {
  if (name == "grpo") return Aggregation::kSequenceMean;
  if (name == "dapo") return Aggregation::kTokenMean;
  if (name == "reinforce") return Aggregation::kSequenceSum;
  if (name == "dr_grpo") return Aggregation::kConstant;
  return fail("unknown loss_type '{}'; known: grpo, dapo, reinforce, dr_grpo", name);
}

std::vector<double> token_weights(Aggregation mode, std::span<const int64_t> lengths,
                                  int64_t max_length) {
  const double n = static_cast<double>(lengths.size());
  const double n_tokens =
      static_cast<double>(std::accumulate(lengths.begin(), lengths.end(), int64_t{0}));
  std::vector<double> weights;
  for (int64_t length : lengths) {
    switch (mode) {
      case Aggregation::kSequenceMean:
        weights.push_back(1.0 / (n * static_cast<double>(length)));
        break;
      case Aggregation::kTokenMean:
        weights.push_back(1.0 / n_tokens);
        break;
      case Aggregation::kSequenceSum:
        weights.push_back(1.0 / n);
        break;
      case Aggregation::kConstant:
        weights.push_back(1.0 / (n * static_cast<double>(max_length)));
        break;
    }
  }
  return weights;
}

Result<ScaleRewards> parse_scale_rewards(const std::string& name) {
  if (name == "group") return ScaleRewards::kGroup;
  if (name == "none") return ScaleRewards::kNone;
  if (name == "batch") return ScaleRewards::kBatch;
  return fail("unknown scale_rewards '{}'; known: group, none, batch", name);
}

double sample_std(std::span<const double> values) {
  if (values.size() < 2) return 0;
  const double n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (double v : values) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / (n - 1));
}

std::vector<double> group_advantages(std::span<const double> rewards, ScaleRewards mode,
                                     double batch_std) {
  const double n = static_cast<double>(rewards.size());
  const double mean = std::accumulate(rewards.begin(), rewards.end(), 0.0) / n;
  double scale = 1.0;
  if (mode == ScaleRewards::kGroup) scale = 1.0 / (sample_std(rewards) + 1e-4);
  if (mode == ScaleRewards::kBatch) scale = 1.0 / (batch_std + 1e-4);
  std::vector<double> advantages;
  for (double r : rewards) advantages.push_back((r - mean) * scale);
  return advantages;
}

void PolicyStats::add(const PolicyStats& o) {
  loss += o.loss;
  kl += o.kl;
  entropy += o.entropy;
  ratio += o.ratio;
  ratio_min = std::min(ratio_min, o.ratio_min);
  ratio_max = std::max(ratio_max, o.ratio_max);
  max_logp_difference = std::max(max_logp_difference, o.max_logp_difference);
  logp_difference += o.logp_difference;
  n_tokens += o.n_tokens;
  n_clipped_low += o.n_clipped_low;
  n_clipped_high += o.n_clipped_high;
}

PolicyStats grpo_loss(const GrpoLoss& config, const PolicyTokens& tokens, std::span<float> dlogp,
                      std::span<float> dentropy) {
  PolicyStats stats;
  for (size_t t = 0; t < tokens.logp.size(); ++t) {
    const float a = tokens.advantage[t], w = tokens.weight[t];
    const float difference = tokens.logp[t] - tokens.old_logp[t];
    const float ratio = bounded_exp(difference);
    const float clipped = std::clamp(ratio, 1.0f - config.clip_low, 1.0f + config.clip_high);
    const bool is_clipped = clipped * a < ratio * a;
    const float surrogate = is_clipped ? clipped * a : ratio * a;
    dlogp[t] = is_clipped ? 0.0f : -w * a * ratio;
    double loss = -static_cast<double>(w) * surrogate;
    if (config.beta > 0) {
      const float log_rho = std::clamp(tokens.reference[t] - tokens.logp[t], -20.0f, 20.0f);
      const float rho = exp_f32(log_rho), k3 = rho - log_rho - 1.0f;
      loss += static_cast<double>(w) * config.beta * k3;
      dlogp[t] += w * config.beta * (1.0f - rho);
      stats.kl += k3;
    }
    loss -= static_cast<double>(config.entropy_coef) * w * tokens.entropy[t];
    dentropy[t] = -config.entropy_coef * w;
    stats.loss += loss;
    stats.entropy += tokens.entropy[t];
    stats.ratio += ratio;
    stats.ratio_min = std::min(stats.ratio_min, static_cast<double>(ratio));
    stats.ratio_max = std::max(stats.ratio_max, static_cast<double>(ratio));
    stats.logp_difference += std::abs(difference);
    stats.max_logp_difference =
        std::max(stats.max_logp_difference, std::abs(static_cast<double>(difference)));
    stats.n_clipped_low += is_clipped && ratio < 1.0f;
    stats.n_clipped_high += is_clipped && ratio > 1.0f;
    ++stats.n_tokens;
  }
  return stats;
}

}  // namespace r1
