#include "recipes/parting.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "recipes/html.h"
#include "reward/settings.h"
#include "train/grpo.h"

namespace r1 {
namespace {

constexpr double kTopShare = 0.02, kRiseShare = 0.10, kRestShare = 0.10;
constexpr size_t kFewestSteps = 10;

std::pair<double, double> range_of(const Curve& curve) {
  const auto [low, high] = std::minmax_element(
      curve.begin(), curve.end(), [](auto& a, auto& b) { return a.second < b.second; });
  return {low->second, high->second};
}

/// The values at steps that both have.
void keep_common_steps(Curve& a, Curve& b) {
  const auto has = [](const Curve& curve, double step) {
    return std::any_of(curve.begin(), curve.end(), [&](auto& p) { return p.first == step; });
  };
  std::erase_if(a, [&](auto& p) { return !has(b, p.first); });
  std::erase_if(b, [&](auto& p) { return !has(a, p.first); });
}

/// From 0 at its lowest to 1 at its highest.
Series scaled(const std::string& name, const Curve& curve) {
  const auto [low, high] = range_of(curve);
  Series series{fmt::format("{}: {} … {}", name, compact_text(low), compact_text(high))};
  for (const auto& [step, value] : curve) {
    series.points.emplace_back(step, high > low ? (value - low) / (high - low) : 0.5);
  }
  return series;
}

/// Labels of the rewards a run learned from and of those it watched.
struct Rewards {
  std::vector<std::string> learned, watched;
};

/// Nothing when the config is not that of an RL run.
Rewards rewards_of(const std::string& config_toml) {
  GrpoConfig config;
  Rewards rewards;
  if (!apply_toml(list_fields(config), config_toml, "config.toml")) return rewards;
  const auto& names = config.reward.empty() ? config.reward_funcs : config.reward;
  for (size_t i = 0; i < names.size(); ++i) {
    const auto settings = parse_reward(names[i], {});
    if (!settings) continue;
    const bool listed = config.reward.empty() && i < config.reward_weights.size();
    const double weight = listed ? config.reward_weights[i] : settings->weight;
    (weight == 0 ? rewards.watched : rewards.learned).push_back(settings->label);
  }
  return rewards;
}

}  // namespace

Curve curve_of(const std::vector<std::pair<int64_t, Metrics>>& lines, const std::string& name) {
  Curve curve;
  for (const auto& [step, metrics] : lines) {
    for (const auto& [key, value] : metrics) {
      if (key == name && std::isfinite(value)) curve.emplace_back(static_cast<double>(step), value);
    }
  }
  return curve;
}

Curve trailing_means(const Curve& curve, size_t window) {
  Curve means;
  for (size_t i = 0; i < curve.size(); ++i) {
    const size_t n = std::min(i + 1, window);
    double sum = 0;
    for (size_t j = i + 1 - n; j <= i; ++j) sum += curve[j].second;
    means.emplace_back(curve[i].first, sum / static_cast<double>(n));
  }
  return means;
}

Parting find_parting(const Curve& learned_raw, const Curve& watched_raw) {
  Parting parting;
  const size_t n = watched_raw.size();
  if (n == 0 || learned_raw.size() != n) return parting;
  parting.window = std::max<size_t>(1, n / 10);
  const Curve learned = trailing_means(learned_raw, parting.window);
  const Curve watched = trailing_means(watched_raw, parting.window);
  const auto [low, top] = range_of(watched);
  size_t at = 0;
  while (watched[at].second < top - kTopShare * (top - low)) ++at;
  const auto [lowest, highest] = range_of(learned);
  parting.step = watched[at].first;
  parting.true_top = top;
  parting.true_last = watched.back().second;
  parting.learned_then = learned[at].second;
  parting.learned_last = learned.back().second;
  const auto rest = static_cast<double>(n - 1 - at);
  const double rise = parting.learned_last - parting.learned_then;
  parting.is_parting = n >= kFewestSteps && rest >= kRestShare * static_cast<double>(n) &&
                       rise > 0 && rise >= kRiseShare * (highest - lowest);
  return parting;
}

std::string describe_parting(const Parting& p, const std::string& learned,
                             const std::string& watched) {
  const std::string means = p.window > 1 ? fmt::format(" (means of {} steps)", p.window) : "";
  if (!p.is_parting) {
    return fmt::format(
        "{} and {} do not part in this run{}: {} comes to {} at its best and ends at {}, and the "
        "learned reward does not go on rising without it.",
        learned, watched, means, watched, compact_text(p.true_top), compact_text(p.true_last));
  }
  return fmt::format(
      "{} and {} part at step {:.0f}{}. From there on {} never comes above {} again and ends at "
      "{}, while {}, which the run learns from, goes on from {} to {}: what it "
      "gains after this step, {} does not see.",
      learned, watched, p.step, means, watched, compact_text(p.true_top), compact_text(p.true_last),
      learned, compact_text(p.learned_then), compact_text(p.learned_last), watched);
}

std::vector<PartingReport> report_partings(const std::vector<std::pair<int64_t, Metrics>>& metrics,
                                           const std::string& config) {
  const Rewards rewards = rewards_of(config);
  std::vector<PartingReport> reports;
  if (rewards.learned.empty()) return reports;
  const bool is_one = rewards.learned.size() == 1;
  const std::string learned = is_one ? rewards.learned[0] : "the sum of the rewards";
  const std::string key = is_one ? "rewards/" + learned + "/mean" : "reward";
  for (const std::string& watched : rewards.watched) {
    Curve a = curve_of(metrics, key), b = curve_of(metrics, "rewards/" + watched + "/mean");
    keep_common_steps(a, b);
    if (a.size() < kFewestSteps) continue;
    const Parting parting = find_parting(a, b);
    PartingReport report;
    report.chart.title = fmt::format("{} and {}", learned, watched);
    report.chart.x_label = "step";
    report.chart.y_label =
        fmt::format("means of {} steps, each from its lowest to its highest", parting.window);
    report.chart.percent = true;
    report.chart.series = {scaled(learned, trailing_means(a, parting.window)),
                           scaled(watched + ", watched", trailing_means(b, parting.window))};
    if (parting.is_parting) {
      report.chart.marks = {{parting.step, fmt::format("part at {:.0f}", parting.step)}};
    }
    report.text = describe_parting(parting, learned, watched);
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace r1
