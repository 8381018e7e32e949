#include "train/rollout_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
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

/// The mean reward of each type of prompt, where rows have one.
void add_type_metrics(const std::vector<Episode>& episodes, Metrics& out) {
  std::map<std::string, std::vector<double>> by_type;
  for (const Episode& e : episodes) {
    if (!e.type.empty() && e.score.valid) by_type[e.type].push_back(e.score.value);
  }
  for (const auto& [type, values] : by_type) out.emplace_back("reward/" + type, mean(values));
}

}  // namespace

void add_rollout_metrics(const std::vector<Episode>& episodes, const RewardSet& rewards,
                         const std::vector<double>& all_rewards,
                         const std::vector<double>& group_stds, Rollout& rollout) {
  Metrics& m = rollout.metrics;
  const auto n_flat = static_cast<double>(
      std::count_if(group_stds.begin(), group_stds.end(), [](double s) { return s < 1e-9; }));
  m.emplace_back("reward", mean(all_rewards));
  m.emplace_back("reward_std", mean(group_stds));
  m.emplace_back("frac_reward_zero_std",
                 group_stds.empty() ? 0.0 : n_flat / static_cast<double>(group_stds.size()));
  add_reward_metrics(episodes, rewards, m);
  add_type_metrics(episodes, m);
  add_length_metrics(episodes, m);
  m.emplace_back("num_tokens", static_cast<double>(rollout.n_tokens));
}

}  // namespace r1
