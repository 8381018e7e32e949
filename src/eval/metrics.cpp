#include "eval/metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

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

/// The answers of one problem's samples as numbers, so that subsets are counted fast.
class Ballots {
 public:
  explicit Ballots(std::span<const SampleResult> samples) {
    std::vector<std::string> answers;
    for (const SampleResult& sample : samples) {
      if (sample.answer.empty()) {
        ids_.push_back(-1);
        continue;
      }
      const std::string answer = canonical_answer(sample.answer);
      const auto found = std::find(answers.begin(), answers.end(), answer);
      ids_.push_back(static_cast<int>(found - answers.begin()));
      if (found != answers.end()) continue;
      answers.push_back(answer);
      right_.push_back(sample.correct);
    }
  }

  size_t n_answers() const { return right_.size(); }
  int id(size_t sample) const { return ids_[sample]; }
  bool is_right(int id) const { return id >= 0 && right_[static_cast<size_t>(id)]; }

  /// The answer with the most votes, among equals the one seen first; -1: nobody votes.
  int winner(std::span<const int> voters) const {
    std::vector<int> votes(n_answers(), 0);
    int most = 0, best = -1;
    for (const int voter : voters) {
      if (ids_[voter] >= 0) most = std::max(most, ++votes[ids_[voter]]);
    }
    for (const int voter : voters) {
      best = ids_[voter];
      if (best >= 0 && votes[best] == most) return best;
    }
    return -1;
  }

 private:
  std::vector<int> ids_;     // -1: no answer
  std::vector<bool> right_;  // of each answer, as its first sample was judged
};

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
  const Ballots ballots(samples);
  std::vector<int> voters(static_cast<size_t>(k));
  std::iota(voters.begin(), voters.end(), 0);
  return ballots.is_right(ballots.winner(voters));
}

double majority_of_subsets(std::span<const SampleResult> samples, int k, uint64_t seed,
                           uint64_t stream, int n_resamples) {
  const int n = static_cast<int>(samples.size());
  CHECK(1 <= k && k <= n && n_resamples > 0, "cons@{} of {}", k, n);
  if (k == n) return is_majority_right(samples, n);
  const Ballots ballots(samples);
  Rng rng(seed, stream_key({static_cast<uint64_t>(Purpose::kEval), stream, static_cast<uint64_t>(k),
                            static_cast<uint64_t>(n)}));
  std::vector<int> order(samples.size());
  int n_right = 0;
  for (int r = 0; r < n_resamples; ++r) {
    std::iota(order.begin(), order.end(), 0);
    for (int i = 0; i < k; ++i) std::swap(order[i], order[i + rng.below(n - i)]);
    n_right += ballots.is_right(ballots.winner(std::span(order).first(k)));
  }
  return static_cast<double>(n_right) / n_resamples;
}

double expected_majority(std::span<const SampleResult> samples) {
  const Ballots ballots(samples);
  std::vector<int> votes(ballots.n_answers(), 0);
  for (size_t i = 0; i < samples.size(); ++i) {
    if (const int id = ballots.id(i); id >= 0) ++votes[id];
  }
  const int most = votes.empty() ? 0 : *std::max_element(votes.begin(), votes.end());
  int n_first = 0, n_right = 0;
  for (size_t id = 0; id < votes.size(); ++id) {
    if (votes[id] != most) continue;
    ++n_first;
    n_right += ballots.is_right(static_cast<int>(id));
  }
  return n_first > 0 ? static_cast<double>(n_right) / n_first : 0;
}

Estimate estimate(std::span<const double> values, uint64_t seed) {
  return {mean_of(values), standard_error(values), bootstrap_mean(values, seed)};
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

  std::map<int, std::vector<double>> pass, cons;
  bool has_votes = false;
  for (size_t p = 0; p < samples.size(); ++p) {
    const auto& problem = samples[p];
    const int n = static_cast<int>(problem.size()), c = count_correct(problem);
    summary.accuracy.push_back(static_cast<double>(c) / n);
    summary.majority.push_back(is_majority_right(problem, summary.cons_k));
    summary.cons_at_k += summary.majority.back();
    summary.cons_at_k_ties +=
        expected_majority(std::span(problem).first(static_cast<size_t>(summary.cons_k)));
    for (const auto& sample : problem) has_votes |= !sample.answer.empty();
    for (int k : powers_up_to(n_shared)) {
      pass[k].push_back(unbiased_pass_at_k(n, c, k));
      cons[k].push_back(majority_of_subsets(problem, k, seed, p));
    }
  }
  const double n_problems = static_cast<double>(samples.size());
  summary.cons_at_k /= n_problems;
  summary.cons_at_k_ties /= n_problems;
  for (const auto& [k, values] : pass) {
    summary.pass_at[k] = estimate(values, seed);
    summary.pass_at_k[k] = summary.pass_at[k].mean;
    if (has_votes) summary.cons_at[k] = estimate(cons[k], seed);
  }
  summary.pass_at_1 = mean_of(summary.accuracy);
  summary.pass_at_1_stderr = standard_error(summary.accuracy);
  summary.pass_at_1_interval = bootstrap_mean(summary.accuracy, seed);
  add_sample_means(summary, samples);
  return summary;
}

}  // namespace r1
