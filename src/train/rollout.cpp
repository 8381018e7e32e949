#include "train/rollout.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace r1 {
namespace {

double mean(const std::vector<double>& v) {
  return v.empty() ? 0.0 : std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

void add_reward_metrics(const std::vector<Episode>& episodes, const RewardSet& rewards,
                        Metrics& out) {
  for (size_t i = 0; i < rewards.specs().size(); ++i) {
    std::vector<double> values;
    for (const Episode& e : episodes) {
      if (i < e.score.parts.size() && !std::isnan(e.score.parts[i].second))
        values.push_back(e.score.parts[i].second);
    }
    const std::string name = "rewards/" + rewards.specs()[i].name;
    const double none = std::numeric_limits<double>::quiet_NaN();  // written as null
    out.emplace_back(name + "/mean", values.empty() ? none : mean(values));
    out.emplace_back(name + "/std", values.empty() ? none : sample_std(values));
  }
}

void add_length_metrics(const std::vector<Episode>& episodes, Metrics& out) {
  std::vector<double> all, terminated;
  for (const Episode& e : episodes) {
    all.push_back(static_cast<double>(e.tokens.size()));
    if (e.finished) terminated.push_back(all.back());
  }
  const auto add = [&](const std::string& name, const std::vector<double>& v) {
    const auto [low, high] = std::minmax_element(v.begin(), v.end());
    out.emplace_back("completions/mean_" + name, mean(v));
    out.emplace_back("completions/min_" + name, v.empty() ? 0.0 : *low);
    out.emplace_back("completions/max_" + name, v.empty() ? 0.0 : *high);
  };
  add("length", all);
  add("terminated_length", terminated);
  out.emplace_back("completions/clipped_ratio",
                   1.0 - static_cast<double>(terminated.size()) / static_cast<double>(all.size()));
}

Trajectory make_trajectory(const Episode& e, double advantage) {
  Trajectory t;
  t.sequence.tokens = e.prompt;
  t.sequence.weights.assign(e.prompt.size(), 0.0f);
  t.sequence.tokens.insert(t.sequence.tokens.end(), e.tokens.begin(), e.tokens.end());
  t.sequence.weights.resize(t.sequence.tokens.size(), 1.0f);
  t.old_logp = e.logp;
  t.advantage = static_cast<float>(advantage);
  return t;
}

}  // namespace

Rollout make_rollout(const std::vector<Episode>& episodes, const GrpoConfig& config,
                     const RewardSet& rewards, Aggregation aggregation, ScaleRewards scaling,
                     std::vector<double>* advantages) {
  Rollout rollout;
  advantages->assign(episodes.size(), 0.0);
  std::vector<double> all_rewards, group_stds;
  const auto counts = [&](const Episode& e) {
    return e.score.valid && !(config.mask_truncated_completions && !e.finished);
  };
  for (const Episode& e : episodes) {
    rollout.n_tokens += static_cast<int64_t>(e.prompt.size() + e.tokens.size());
    if (counts(e)) all_rewards.push_back(e.score.value);
  }
  const double batch_std = sample_std(all_rewards);
  int64_t n_groups = 0, n_flat = 0;
  const size_t G = static_cast<size_t>(config.num_generations);
  for (size_t first = 0; first < episodes.size(); first += G) {
    std::vector<size_t> members;
    std::vector<double> values;
    for (size_t i = first; i < first + G; ++i) {
      if (!counts(episodes[i])) continue;
      members.push_back(i);
      values.push_back(episodes[i].score.value);
    }
    if (members.empty()) continue;
    ++n_groups;
    const double deviation = sample_std(values);
    group_stds.push_back(deviation);
    const bool is_flat = deviation < 1e-9;
    n_flat += is_flat;
    if (is_flat && config.beta == 0) continue;
    const auto group = group_advantages(values, scaling, batch_std);
    for (size_t i = 0; i < members.size(); ++i) {
      (*advantages)[members[i]] = group[i];
      rollout.trajectories.push_back(make_trajectory(episodes[members[i]], group[i]));
    }
  }
  std::vector<int64_t> lengths;
  for (const Trajectory& t : rollout.trajectories)
    lengths.push_back(static_cast<int64_t>(t.old_logp.size()));
  const auto weights = token_weights(aggregation, lengths, config.max_completion_length);
  for (size_t i = 0; i < weights.size(); ++i)
    rollout.trajectories[i].weight = static_cast<float>(weights[i]);

  Metrics& m = rollout.metrics;
  m.emplace_back("reward", mean(all_rewards));
  m.emplace_back("reward_std", mean(group_stds));
  m.emplace_back("frac_reward_zero_std",
                 n_groups ? static_cast<double>(n_flat) / static_cast<double>(n_groups) : 0.0);
  add_reward_metrics(episodes, rewards, m);
  add_length_metrics(episodes, m);
  m.emplace_back("num_tokens", static_cast<double>(rollout.n_tokens));
  return rollout;
}

}  // namespace r1
