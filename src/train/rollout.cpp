#include "train/rollout.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "train/rollout_metrics.h"

namespace r1 {
namespace {

constexpr double kFlat = 1e-9;  // a deviation below this is rounding

Trajectory make_trajectory(const Episode& e, size_t index, int64_t group) {
  Trajectory t;
  t.sequence.tokens = e.prompt;
  t.sequence.weights.assign(e.prompt.size(), 0.0f);
  t.sequence.tokens.insert(t.sequence.tokens.end(), e.tokens.begin(), e.tokens.end());
  t.sequence.weights.resize(t.sequence.tokens.size(), 1.0f);
  t.sequence.kept = e.kept;
  t.sampler_logp = t.old_logp = e.logp;
  t.episode = index;
  t.group = group;
  t.reward = e.score.value;
  return t;
}

std::vector<double> rewards_of(std::span<const Episode> episodes, const GrpoConfig& config) {
  std::vector<double> values;
  for (const Episode& e : episodes) {
    if (takes_part(e, config)) values.push_back(e.score.value);
  }
  return values;
}

/// The rewards less β Σ (ln π_old − ln π_ref) where the penalty stands there.
std::vector<double> penalised_rewards(const Rollout& rollout, const RolloutRules& rules) {
  std::vector<double> rewards;
  for (const Trajectory& t : rollout.trajectories) {
    double reward = t.reward;
    if (rules.kl_in_reward) {
      const auto terms = log_ratios(t.old_logp, t.reference);
      reward -= rules.beta * std::accumulate(terms.begin(), terms.end(), 0.0);
    }
    rewards.push_back(reward);
  }
  return rewards;
}

/// The k1 estimate of KL(π_old ‖ π_ref) over all tokens, nats.
double mean_log_ratio(const Rollout& rollout) {
  double sum = 0;
  size_t n = 0;
  for (const Trajectory& t : rollout.trajectories) {
    const auto terms = log_ratios(t.old_logp, t.reference);
    sum += std::accumulate(terms.begin(), terms.end(), 0.0);
    n += terms.size();
  }
  return sum / std::max<double>(1.0, static_cast<double>(n));
}

/// One advantage a sequence, from its group's rewards.
void compare_in_groups(Rollout& rollout, const RolloutRules& rules) {
  auto& all = rollout.trajectories;
  const std::vector<double> rewards = penalised_rewards(rollout, rules);
  const double batch_std = rules.kl_in_reward ? sample_std(rewards) : rollout.batch_std;
  for (size_t begin = 0, end = 0; begin < all.size(); begin = end) {
    while (end < all.size() && all[end].group == all[begin].group) ++end;
    const auto group = std::span(rewards).subspan(begin, end - begin);
    const bool is_plain = rules.estimator == AdvantageEstimator::kReinforcePlusPlusBaseline;
    const auto advantages =
        rules.estimator == AdvantageEstimator::kRloo
            ? rloo_advantages(group)
            : group_advantages(group, is_plain ? ScaleRewards::kNone : rules.scaling, batch_std);
    for (size_t i = begin; i < end; ++i) {
      all[i].advantage.assign(all[i].old_logp.size(), static_cast<float>(advantages[i - begin]));
    }
  }
}

/// Returns to go, each token's own.
void sum_returns(Rollout& rollout, const RolloutRules& rules) {
  for (Trajectory& t : rollout.trajectories) {
    std::vector<double> penalties(t.old_logp.size(), 0.0);
    if (rules.kl_in_reward) penalties = log_ratios(t.old_logp, t.reference);
    for (double& p : penalties) p *= rules.beta;
    t.advantage = returns_to_go(t.reward, penalties);
  }
}

}  // namespace

Result<RolloutRules> RolloutRules::of(const GrpoConfig& config) {
  RolloutRules rules;
  R1_TRY(rules.aggregation, parse_aggregation(config.loss_type));
  R1_TRY(rules.scaling, parse_scale_rewards(config.scale_rewards));
  R1_TRY(rules.estimator, parse_advantage_estimator(config.advantage_estimator));
  rules.beta = config.beta;
  rules.kl_in_reward = config.use_kl_in_reward && config.beta > 0;
  return rules;
}

bool takes_part(const Episode& e, const GrpoConfig& config) {
  return e.score.valid && !(config.mask_truncated_completions && !e.finished);
}

bool is_informative(std::span<const Episode> group, const GrpoConfig& config) {
  return sample_std(rewards_of(group, config)) >= kFlat;
}

Rollout collect_rollout(const std::vector<Episode>& episodes, const GrpoConfig& config,
                        const RewardSet& rewards, const RolloutRules& rules) {
  Rollout rollout;
  const std::vector<double> all_rewards = rewards_of(episodes, config);
  rollout.batch_std = sample_std(all_rewards);
  for (const Episode& e : episodes) {
    rollout.n_tokens += static_cast<int64_t>(e.prompt.size() + e.tokens.size());
  }
  std::vector<double> group_stds;
  const size_t G = static_cast<size_t>(config.num_generations);
  for (size_t first = 0; first < episodes.size(); first += G) {
    const auto group = std::span(episodes).subspan(first, G);
    const std::vector<double> values = rewards_of(group, config);
    if (values.empty()) continue;
    group_stds.push_back(sample_std(values));
    const bool is_flat = group_stds.back() < kFlat;
    if (is_flat && (rules.drops_flat_groups() || config.dynamic_sampling)) continue;
    const bool is_full = rollout.n_informative >= config.train_batch_size;
    if (config.dynamic_sampling && is_full) continue;
    rollout.n_informative += !is_flat;
    for (size_t i = first; i < first + G; ++i) {
      if (!takes_part(episodes[i], config)) continue;
      rollout.trajectories.push_back(
          make_trajectory(episodes[i], i, static_cast<int64_t>(first / G)));
    }
  }
  if (rollout.n_informative < config.min_informative_groups) rollout.trajectories.clear();
  add_rollout_metrics(episodes, rewards, all_rewards, group_stds, rollout);
  return rollout;
}

void weigh_rollout(Rollout& rollout, const RolloutRules& rules, int64_t max_completion_length) {
  if (rules.kl_in_reward) rollout.metrics.emplace_back("kl", mean_log_ratio(rollout));
  if (rules.estimator == AdvantageEstimator::kReinforcePlusPlus) {
    sum_returns(rollout, rules);
  } else {
    compare_in_groups(rollout, rules);
  }
  if (rules.estimator == AdvantageEstimator::kReinforcePlusPlus ||
      rules.estimator == AdvantageEstimator::kReinforcePlusPlusBaseline) {
    std::vector<std::vector<float>*> sequences;
    for (Trajectory& t : rollout.trajectories) sequences.push_back(&t.advantage);
    whiten(sequences);
  }
  std::vector<int64_t> lengths;
  for (const Trajectory& t : rollout.trajectories) {
    lengths.push_back(static_cast<int64_t>(t.old_logp.size()));
  }
  const auto weights = token_weights(rules.aggregation, lengths, max_completion_length);
  for (size_t i = 0; i < weights.size(); ++i) {
    rollout.trajectories[i].weight = static_cast<float>(weights[i]);
  }
}

}  // namespace r1
