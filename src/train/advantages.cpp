#include "train/advantages.h"

#include <cmath>
#include <numeric>

namespace r1 {
namespace {

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

Result<AdvantageEstimator> parse_advantage_estimator(const std::string& name) {
  if (name == "grpo") return AdvantageEstimator::kGrpo;
  if (name == "rloo") return AdvantageEstimator::kRloo;
  if (name == "reinforce_plus_plus") return AdvantageEstimator::kReinforcePlusPlus;
  if (name == "reinforce_plus_plus_baseline") return AdvantageEstimator::kReinforcePlusPlusBaseline;
  return fail(
      "unknown advantage_estimator '{}'; known: grpo, rloo, reinforce_plus_plus, "
      "reinforce_plus_plus_baseline",
      name);
}

Result<ScaleRewards> parse_scale_rewards(const std::string& name) {
  if (name == "group") return ScaleRewards::kGroup;
  if (name == "none") return ScaleRewards::kNone;
  if (name == "batch") return ScaleRewards::kBatch;
  return fail("unknown scale_rewards '{}'; known: group, none, batch", name);
}

double sample_std(std::span<const double> values) {
  if (values.size() < 2) return 0;
  const double mean = mean_of(values);
  double squares = 0;
  for (double v : values) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / (static_cast<double>(values.size()) - 1));
}

std::vector<double> group_advantages(std::span<const double> rewards, ScaleRewards mode,
                                     double batch_std) {
  const double mean = mean_of(rewards);
  double scale = 1.0;
  if (mode == ScaleRewards::kGroup) scale = 1.0 / (sample_std(rewards) + 1e-4);
  if (mode == ScaleRewards::kBatch) scale = 1.0 / (batch_std + 1e-4);
  std::vector<double> advantages;
  for (double r : rewards) advantages.push_back((r - mean) * scale);
  return advantages;
}

std::vector<double> rloo_advantages(std::span<const double> rewards) {
  const double n = static_cast<double>(rewards.size());
  if (rewards.size() < 2) return std::vector<double>(rewards.size(), 0.0);
  const double mean = mean_of(rewards);
  std::vector<double> advantages;
  for (double r : rewards) advantages.push_back((r - mean) * n / (n - 1));
  return advantages;
}

std::vector<float> returns_to_go(double reward, std::span<const double> penalties) {
  std::vector<float> returns(penalties.size());
  double sum = reward;
  for (size_t t = penalties.size(); t-- > 0;) {
    sum -= penalties[t];
    returns[t] = static_cast<float>(sum);
  }
  return returns;
}

std::vector<double> log_ratios(std::span<const float> logp, std::span<const float> reference) {
  CHECK(logp.size() == reference.size(), "{} and {} log-probabilities", logp.size(),
        reference.size());
  std::vector<double> ratios(logp.size());
  for (size_t t = 0; t < logp.size(); ++t) {
    ratios[t] = static_cast<double>(logp[t]) - static_cast<double>(reference[t]);
  }
  return ratios;
}

void whiten(std::span<std::vector<float>* const> sequences) {
  std::vector<double> all;
  for (const std::vector<float>* s : sequences) all.insert(all.end(), s->begin(), s->end());
  if (all.empty()) return;
  const double mean = mean_of(all), deviation = sample_std(all);
  const double scale = 1.0 / std::sqrt(deviation * deviation + 1e-8);
  for (std::vector<float>* s : sequences) {
    for (float& x : *s) x = static_cast<float>((x - mean) * scale);
  }
}

}  // namespace r1
