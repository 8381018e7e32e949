// The numbers of an evaluation: pass@1 with its error, pass@k, cons@k, lengths, format.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace r1 {

/// One judged completion.
struct SampleResult {
  bool correct = false;
  bool format_ok = false;
  bool truncated = false;
  int length = 0;      // tokens
  std::string answer;  // as extracted; "" when there is none
  double reward = 0;
};

struct Interval {
  double low = 0, high = 0;
};

/// A mean over problems with its error.
struct Estimate {
  double mean = 0, error = 0;  // the standard error
  Interval interval;           // 95 %, bootstrap over problems
};

struct EvalSummary {
  double pass_at_1 = 0;
  double pass_at_1_stderr = 0;  // over problems
  Interval pass_at_1_interval;  // 95 %, bootstrap over problems
  int cons_k = 0;               // samples that vote: the fewest of any problem, or what was asked
  double cons_at_k = 0;         // share of problems whose majority answer is right
  double cons_at_k_ties = 0;    // the same when a tie is broken by lot: what is expected
  std::map<int, double> pass_at_k;   // k = 1, 2, 4, … and the number of samples
  std::map<int, Estimate> cons_at;   // the same k, by resampling; empty: nothing to vote on
  std::map<int, Estimate> pass_at;   // pass@k with its error
  std::vector<double> accuracy;      // of each problem: c / n
  std::vector<double> majority;      // of each problem: 1 when the majority of cons_k is right
  std::vector<double> one_language;  // of each problem, of completions with words; NaN: none
  double format_rate = 0;
  double mean_length = 0;
  double truncated_rate = 0;
  double mean_reward = 0;
  double one_language_rate = 0;  // share of the completions with words that keep to one language
  std::map<std::string, double> language_shares;  // of all words; "?" where it is not known
  int64_t n_problems = 0;
  int64_t n_samples = 0;
};

/// The chance that k of n samples contain a right one, of which c are:
///   1 - C(n - c, k) / C(n, k) = 1 - prod_{i = n-c+1 … n} (1 - k / i)    [Chen et al. 2021, eq. 1]
double unbiased_pass_at_k(int n, int c, int k);

/// Whether the majority answer of the first k samples is right. Answers are compared in canonical
/// form; no answer, no vote; of equals the one seen first wins.
bool is_majority_right(std::span<const SampleResult> samples, int k);

/// Majority voting among k of the samples, drawn without replacement: how often the winner is
/// right, as a mean over n_resamples subsets that depend on (seed, stream, k) alone. k = all: once,
/// in order.
double majority_of_subsets(std::span<const SampleResult> samples, int k, uint64_t seed,
                           uint64_t stream, int n_resamples = 64);

/// The majority of all samples when a tie is broken by lot: the chance that the winner is right.
double expected_majority(std::span<const SampleResult> samples);

/// Mean, standard error and bootstrap interval of one value a problem.
Estimate estimate(std::span<const double> values, uint64_t seed);

/// Percentile bootstrap of the mean, keyed by seed.
Interval bootstrap_mean(std::span<const double> values, uint64_t seed, double level = 0.95,
                        int n_resamples = 2000);

/// The standard error of the mean of independent values; 0 when there are fewer than two.
double standard_error(std::span<const double> values);

/// samples[p] are the completions of problem p, at least one each. cons_k 0: all that every problem
/// has.
EvalSummary summarize(const std::vector<std::vector<SampleResult>>& samples, uint64_t seed = 0,
                      int cons_k = 0);

}  // namespace r1
