#include "eval/metrics.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "reward/number.h"

namespace r1 {
namespace {

double mean_of(std::span<const double> values) {
  double sum = 0;
  for (double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

int count_correct(std::span<const SampleResult> samples) {
  return static_cast<int>(
      std::count_if(samples.begin(), samples.end(), [](const auto& s) { return s.correct; }));
}

/// 1, 2, 4, … below n, and n.
std::vector<int> powers_up_to(int n) {
  std::vector<int> ks;
  for (int64_t k = 1; k < n; k *= 2) ks.push_back(static_cast<int>(k));
  ks.push_back(n);
  return ks;
}

void add_sample_means(EvalSummary& summary, const std::vector<std::vector<SampleResult>>& samples) {
  for (const auto& problem : samples) {
    for (const auto& sample : problem) {
      summary.format_rate += sample.format_ok;
      summary.truncated_rate += sample.truncated;
      summary.mean_length += sample.length;
      summary.mean_reward += sample.reward;
      ++summary.n_samples;
    }
  }
  for (double* mean : {&summary.format_rate, &summary.truncated_rate, &summary.mean_length,
                       &summary.mean_reward}) {
    *mean /= static_cast<double>(summary.n_samples);
  }
}

}  // namespace

double unbiased_pass_at_k(int n, int c, int k) {
  CHECK(0 <= c && c <= n && 1 <= k && k <= n, "pass@k: n {} c {} k {}", n, c, k);
  if (n - c < k) return 1;
  double all_wrong = 1;
  for (int i = n - c + 1; i <= n; ++i) all_wrong *= 1 - static_cast<double>(k) / i;
  return 1 - all_wrong;
}

bool is_majority_right(std::span<const SampleResult> samples, int k) {
  CHECK(1 <= k && k <= static_cast<int>(samples.size()), "cons@{} of {}", k, samples.size());
  struct Bucket {
    std::string answer;
    int votes;
    bool correct;
  };
  std::vector<Bucket> buckets;  // in order of first occurrence
  for (const auto& sample : samples.first(k)) {
    if (sample.answer.empty()) continue;
    const std::string answer = canonical_answer(sample.answer);
    auto found = std::find_if(buckets.begin(), buckets.end(),
                              [&](const Bucket& b) { return b.answer == answer; });
    if (found == buckets.end()) found = buckets.insert(found, {answer, 0, sample.correct});
    ++found->votes;
  }
  const auto winner =
      std::max_element(buckets.begin(), buckets.end(),
                       [](const auto& a, const auto& b) { return a.votes < b.votes; });
  return winner != buckets.end() && winner->correct;
}

Interval bootstrap_mean(std::span<const double> values, uint64_t seed, double level,
                        int n_resamples) {
  CHECK(n_resamples > 0 && 0 < level && level < 1, "bootstrap: {} of level {}", n_resamples, level);
  if (values.empty()) return {};
  const int64_t n = static_cast<int64_t>(values.size());
  Rng rng(seed, stream_key({static_cast<uint64_t>(Purpose::kEval), static_cast<uint64_t>(n)}));
  std::vector<double> means(n_resamples);
  for (double& mean : means) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += values[rng.below(n)];
    mean = sum / static_cast<double>(n);
  }
  std::sort(means.begin(), means.end());
  const auto at = [&](double share) { return means[std::lround(share * (n_resamples - 1))]; };
  return {at((1 - level) / 2), at((1 + level) / 2)};
}

double standard_error(std::span<const double> values) {
  if (values.size() < 2) return 0;
  const double n = static_cast<double>(values.size()), mean = mean_of(values);
  double squares = 0;
  for (double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / (n - 1) / n);
}

EvalSummary summarize(const std::vector<std::vector<SampleResult>>& samples, uint64_t seed,
                      int cons_k) {
  EvalSummary summary;
  if (samples.empty()) return summary;
  size_t fewest = samples[0].size();
  for (const auto& problem : samples) fewest = std::min(fewest, problem.size());
  CHECK(fewest > 0, "summarize: a problem without samples");
  const int n_shared = static_cast<int>(fewest);
  summary.n_problems = static_cast<int64_t>(samples.size());
  summary.cons_k = cons_k > 0 ? std::min(cons_k, n_shared) : n_shared;

  std::vector<double> accuracy;
  for (const auto& problem : samples) {
    const int n = static_cast<int>(problem.size()), c = count_correct(problem);
    accuracy.push_back(static_cast<double>(c) / n);
    summary.cons_at_k += is_majority_right(problem, summary.cons_k);
    for (int k : powers_up_to(n_shared)) summary.pass_at_k[k] += unbiased_pass_at_k(n, c, k);
  }
  const double n_problems = static_cast<double>(samples.size());
  summary.cons_at_k /= n_problems;
  for (auto& [k, value] : summary.pass_at_k) value /= n_problems;
  summary.pass_at_1 = mean_of(accuracy);
  summary.pass_at_1_stderr = standard_error(accuracy);
  summary.pass_at_1_interval = bootstrap_mean(accuracy, seed);
  add_sample_means(summary, samples);
  return summary;
}

}  // namespace r1
