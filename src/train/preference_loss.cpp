#include "train/preference_loss.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace r1 {
namespace {

double mean(std::span<const float> values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

void add_range(Metrics& metrics, std::span<const float> scores) {
  const auto [low, high] = std::minmax_element(scores.begin(), scores.end());
  metrics.emplace_back("mean_reward", mean(scores));
  metrics.emplace_back("min_reward", scores.empty() ? 0.0 : *low);
  metrics.emplace_back("max_reward", scores.empty() ? 0.0 : *high);
}

void add_calibration(Metrics& metrics, std::span<const double> probability,
                     std::span<const int> outcome) {
  metrics.emplace_back("ece", calibration_error(probability, outcome));
  metrics.emplace_back("brier", brier_score(probability, outcome));
}

}  // namespace

double sigmoid(double x) {
  if (x >= 0) return 1.0 / (1.0 + std::exp(-x));
  const double e = std::exp(x);
  return e / (1.0 + e);
}

double log_sigmoid(double x) {
  return x >= 0 ? -std::log1p(std::exp(-x)) : x - std::log1p(std::exp(x));
}

double bradley_terry(std::span<const float> chosen, std::span<const float> rejected,
                     std::span<const float> margin, double center_coefficient, double total,
                     std::span<float> dchosen, std::span<float> drejected) {
  CHECK(chosen.size() == rejected.size() && margin.size() == chosen.size(), "{} and {} scores",
        chosen.size(), rejected.size());
  double loss = 0;
  for (size_t i = 0; i < chosen.size(); ++i) {
    const double c = chosen[i], r = rejected[i], d = c - r - margin[i];
    loss += -log_sigmoid(d) + center_coefficient * (c + r) * (c + r);
    const double lead = sigmoid(-d), center = 2 * center_coefficient * (c + r);
    dchosen[i] = static_cast<float>((-lead + center) / total);
    drejected[i] = static_cast<float>((lead + center) / total);
  }
  return loss / total;
}

double binary_cross_entropy(std::span<const float> score, std::span<const float> label,
                            double total, std::span<float> dscore) {
  CHECK(score.size() == label.size(), "{} scores, {} labels", score.size(), label.size());
  double loss = 0;
  for (size_t i = 0; i < score.size(); ++i) {
    const double s = score[i], y = label[i];
    loss -= y * log_sigmoid(s) + (1 - y) * log_sigmoid(-s);
    dscore[i] = static_cast<float>((sigmoid(s) - y) / total);
  }
  return loss / total;
}

double brier_score(std::span<const double> probability, std::span<const int> outcome) {
  double sum = 0;
  for (size_t i = 0; i < probability.size(); ++i) {
    const double miss = probability[i] - outcome[i];
    sum += miss * miss;
  }
  return probability.empty() ? 0 : sum / static_cast<double>(probability.size());
}

double calibration_error(std::span<const double> probability, std::span<const int> outcome,
                         int n_bins) {
  std::vector<double> lead(static_cast<size_t>(n_bins), 0.0);  // Σ p − Σ y of each bin
  for (size_t i = 0; i < probability.size(); ++i) {
    const int bin = std::clamp(static_cast<int>(probability[i] * n_bins), 0, n_bins - 1);
    lead[static_cast<size_t>(bin)] += probability[i] - outcome[i];
  }
  double sum = 0;
  for (double one : lead) sum += std::abs(one);
  return probability.empty() ? 0 : sum / static_cast<double>(probability.size());
}

Metrics describe_pairs(std::span<const float> chosen, std::span<const float> rejected) {
  std::vector<double> probability;
  std::vector<int> outcome;
  std::vector<float> all(chosen.begin(), chosen.end());
  all.insert(all.end(), rejected.begin(), rejected.end());
  double n_right = 0, margin = 0;
  for (size_t i = 0; i < chosen.size(); ++i) {
    const double d = static_cast<double>(chosen[i]) - rejected[i];
    n_right += d > 0;
    margin += d;
    probability.push_back(sigmoid(std::abs(d)));
    outcome.push_back(d > 0);
  }
  const double n = std::max<double>(1, static_cast<double>(chosen.size()));
  Metrics metrics{{"accuracy", n_right / n}, {"margin", margin / n}};
  add_range(metrics, all);
  add_calibration(metrics, probability, outcome);
  return metrics;
}

Metrics describe_labelled(std::span<const float> score, std::span<const float> label) {
  std::vector<double> probability;
  std::vector<int> outcome;
  std::vector<float> of_label[2];
  double n_right = 0;
  for (size_t i = 0; i < score.size(); ++i) {
    const int y = label[i] > 0.5f;
    n_right += (score[i] > 0) == (y == 1);
    of_label[y].push_back(score[i]);
    probability.push_back(sigmoid(score[i]));
    outcome.push_back(y);
  }
  Metrics metrics{{"accuracy", n_right / std::max<double>(1, static_cast<double>(score.size()))}};
  if (!of_label[0].empty() && !of_label[1].empty()) {
    metrics.emplace_back("margin", mean(of_label[1]) - mean(of_label[0]));
  }
  add_range(metrics, score);
  add_calibration(metrics, probability, outcome);
  return metrics;
}

}  // namespace r1
