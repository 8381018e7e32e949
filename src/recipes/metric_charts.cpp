#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "recipes/run_report.h"

namespace r1 {
namespace {

using Lines = std::vector<std::pair<int64_t, Metrics>>;

constexpr size_t kSeriesInChart = 6;  // as many as there are colours

/// A chart and the metrics it takes, in the order of the page. A '*' stands for any text.
struct Group {
  const char* title;
  const char* y_label;
  std::vector<const char*> patterns;
  bool percent = false;
};

const std::vector<Group>& groups() {
  static const std::vector<Group> kGroups = {
      {"Reward", "mean of a batch", {"reward", "reward_std"}},
      {"Pairs in the right order", "share", {"accuracy", "eval_accuracy"}, true},
      {"Lead of the preferred response", "score", {"margin", "eval_margin"}},
      {"Scores of the reward model", "", {"mean_reward", "min_reward", "max_reward"}},
      {"Calibration, held out", "0: perfect", {"eval_ece", "eval_brier"}},
      {"Evaluation",
       "held-out problems",
       {"eval/*pass@*", "eval/*cons@*", "eval/*accuracy*"},
       true},
      {"Length of a completion",
       "tokens",
       {"completions/mean_length", "completions/min_length", "completions/max_length"}},
      {"Rewards by name", "mean of a batch", {"rewards/*/mean"}},
      {"Rewards by type of prompt", "mean of a batch", {"reward/*"}},
      {"Loss", "", {"loss", "eval/*loss", "eval_loss*"}},
      {"Held-out text", "bits a byte", {"eval_bpb*"}},
      {"Teacher and student", "nats a token", {"distill/divergence", "distill/reverse_kl"}},
      {"Cross-entropy with the data", "nats a token", {"distill/cross_entropy"}},
      {"Distance of the streams", "", {"distill/features"}},
      {"Entropy", "nats a token", {"entropy"}},
      {"Distance to the reference", "KL, nats a token", {"kl"}},
      {"Evaluation: form", "share of answers", {"eval/*_rate"}, true},
      {"Evaluation: length", "tokens", {"eval/*length"}},
      {"Groups without signal, cut completions",
       "share",
       {"frac_reward_zero_std", "completions/clipped_ratio"},
       true},
      {"Clipped ratios", "share", {"clip_ratio/*", "clip_ratio"}, true},
      {"Answers left behind by the policy", "share", {"off_policy_mask_ratio"}, true},
      {"Sampler on other weights", "KL, nats a token", {"rollout_corr/k3_kl"}},
      {"Curriculum: pass rate", "of the prompts asked so far", {"curriculum/mean_pass_rate"}, true},
      {"Dynamic sampling", "batches of prompts a step", {"dynamic_sampling/num_gen_batches"}},
      {"Skills", "share", {"gate/*"}, true},
      {"Experts: largest load",
       "over the mean, less 1",
       {"moe/max_violation", "moe/max_violation_worst", "moe/mean_violation"}},
      {"Experts: entropy of the load", "1 is even", {"moe/entropy"}},
      {"Gradient norm", "before clipping", {"grad_norm"}},
      {"Learning rate", "", {"learning_rate"}},
      {"Evaluation: more", "", {"eval/*"}},
      {"Speed", "tokens per second", {"train/tok_per_sec", "perf/throughput"}},
  };
  return kGroups;
}

bool matches(std::string_view pattern, std::string_view name) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (name.size() < star || name.substr(0, star) != pattern.substr(0, star)) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (size_t skip = star; skip <= name.size(); ++skip) {
    if (matches(rest, name.substr(skip))) return true;
  }
  return false;
}

/// "rewards/format/mean" -> "format": what tells it from its neighbours in the chart.
std::string short_name(std::string_view name) {
  for (const std::string_view prefix :
       {"rewards/", "completions/", "eval/", "clip_ratio/", "gate/", "moe/", "distill/"}) {
    if (name.size() > prefix.size() && name.substr(0, prefix.size()) == prefix)
      name.remove_prefix(prefix.size());
  }
  constexpr std::string_view kMean = "/mean";
  if (name.size() > kMean.size() && name.substr(name.size() - kMean.size()) == kMean) {
    name.remove_suffix(kMean.size());
  }
  return std::string(name);
}

const double* find(const Metrics& metrics, const std::string& name) {
  const auto it =
      std::find_if(metrics.begin(), metrics.end(), [&](const auto& m) { return m.first == name; });
  return it == metrics.end() ? nullptr : &it->second;
}

Series series_of(const Lines& lines, const std::string& name, bool has_errors) {
  Series s{short_name(name), {}, name == "reward_std", {}};
  for (const auto& [step, metrics] : lines) {
    const double* value = find(metrics, name);
    if (!value) continue;
    s.points.emplace_back(static_cast<double>(step), *value);
    const double* error = has_errors ? find(metrics, name + "_stderr") : nullptr;
    if (has_errors) s.errors.push_back(error ? *error : 0);
  }
  return s;
}

/// All names, first seen first.
std::vector<std::string> names_of(const Lines& lines) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const auto& [step, metrics] : lines) {
    for (const auto& [name, value] : metrics) {
      if (seen.insert(name).second) names.push_back(name);
    }
  }
  return names;
}

void add_charts(const Group& group, const std::vector<Series>& series, std::vector<Chart>& charts) {
  for (size_t begin = 0; begin < series.size(); begin += kSeriesInChart) {
    const size_t end = std::min(series.size(), begin + kSeriesInChart);
    Chart chart;
    chart.title =
        begin == 0 ? group.title : fmt::format("{} ({})", group.title, begin / kSeriesInChart + 1);
    chart.x_label = "step", chart.y_label = group.y_label, chart.percent = group.percent;
    chart.series.assign(series.begin() + static_cast<std::ptrdiff_t>(begin),
                        series.begin() + static_cast<std::ptrdiff_t>(end));
    charts.push_back(std::move(chart));
  }
}

}  // namespace

std::vector<Chart> metric_charts(const Lines& metrics) {
  const std::vector<std::string> names = names_of(metrics);
  std::set<std::string> open(names.begin(), names.end());  // not yet in a chart
  std::set<std::string> with_errors;
  for (const std::string& name : names) {
    if (open.count(name + "_stderr")) with_errors.insert(name);
  }
  for (const std::string& name : with_errors) open.erase(name + "_stderr");
  std::vector<Chart> charts;
  for (const Group& group : groups()) {
    std::vector<Series> series;
    for (const char* pattern : group.patterns) {
      for (const std::string& name : names) {
        if (!open.count(name) || !matches(pattern, name)) continue;
        series.push_back(series_of(metrics, name, with_errors.count(name) > 0));
        open.erase(name);
      }
    }
    add_charts(group, series, charts);
  }
  return charts;
}

}  // namespace r1
