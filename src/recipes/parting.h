// Where the reward that a run learns from and the one that it only watches part ways.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/records.h"
#include "recipes/chart.h"

namespace r1 {

/// One point a step.
using Curve = std::vector<std::pair<double, double>>;

/// The steps and values of one metric where it was logged and is a number.
Curve curve_of(const std::vector<std::pair<int64_t, Metrics>>& lines, const std::string& name);

/// Each value becomes the mean of the `window` values that end with it (fewer at the begin).
Curve trailing_means(const Curve& curve, size_t window);

/// What is said of a learned and a true reward. Both are smoothed by trailing means of `window`
/// steps, a tenth of the run. Their step of parting is the first that comes within 2 % of the true
/// reward's highest value (of the range it covers): from there on the true reward gains no more
/// than that. They part there if at least a tenth of the run follows and in it the learned reward
/// rises by a tenth or more of the range it covers.
struct Parting {
  bool is_parting = false;
  double step = 0;       // of parting, or of the true reward's top
  double true_top = 0;   // smoothed, the highest value
  double true_last = 0;  // smoothed, the last value
  double learned_then = 0, learned_last = 0;
  size_t window = 1;
};
Parting find_parting(const Curve& learned, const Curve& watched);

/// Two sentences for people.
std::string describe_parting(const Parting& parting, const std::string& learned,
                             const std::string& watched);

/// A chart of both rewards, each on its own scale, with the step marked; and what it means.
struct PartingReport {
  Chart chart;
  std::string text;
};

/// One for each watched reward (weight 0) of an RL run, against the reward it learns from: the one
/// with a weight, or their sum. config: the run's config.toml.
std::vector<PartingReport> report_partings(const std::vector<std::pair<int64_t, Metrics>>& metrics,
                                           const std::string& config);

}  // namespace r1
