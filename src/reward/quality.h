// Quality filters: which completions are good enough to learn from, and why the others are not.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reward/registry.h"

namespace r1 {

struct QualityConfig {
  std::vector<std::string> filters = {"correct",  "format",     "one_language",
                                      "readable", "repetition", "length"};
  std::string correct_reward = "accuracy", format_reward = "format";
  std::string language;
  std::vector<std::string> score_reward;
  double min_score = 0.5;
  int max_paragraph = 400;
  int ngram_size = 6;
  double max_repetition = 0.3;
  int64_t min_length = 1, max_length = 0;
  bool prefilled_think = false;

  void visit(auto&& f) {
    f("filters", filters,
      "what a completion must pass, in this order: correct, format, one_language, readable, "
      "repetition, length, score");
    f("correct_reward", correct_reward, "correct: a reward that is worth 1 or more");
    f("format_reward", format_reward, "format: a reward that is worth 1 or more");
    f("language", language,
      "one_language: the thought's language; none: the prompt's, where it is known");
    f("score_reward", score_reward,
      "score: rewards such as judge;model=DIR or reward_model;model=DIR, summed");
    f("min_score", min_score, "score: the least sum of score_reward");
    f("max_paragraph", max_paragraph, "readable: words of one paragraph; 0: no limit");
    f("ngram_size", ngram_size, "repetition: words that repeat together");
    f("max_repetition", max_repetition, "repetition: the largest share of repeated n-grams");
    f("min_length", min_length, "length: tokens, at least (characters where they are unknown)");
    f("max_length", max_length, "length: tokens, at most; 0: no limit");
    f("prefilled_think", prefilled_think, "the prompt already ends with <think>");
  }
  Result<void> validate() const;
};

/// Names of all filters, for messages.
const std::vector<std::string>& quality_filters();

/// The rules that need no reward. value 1: passed; 0: dropped, with the reason.
///   one_language  98 % of the thought's words are of one language (language_mix.h), and that is
///   the
///                 one asked for
///   readable      UTF-8 without control or replacement characters; the thought has no code blocks
///                 and no paragraph beyond the limit, and no word of more than 60 letters
///   repetition    the share of n-grams that occurred before, of the whole completion
///   length        ended by itself, within the limits
Verdict filter_language(const Problem& problem, const Completion& completion,
                        const QualityConfig& config);
Verdict filter_readable(const Completion& completion, const QualityConfig& config);
Verdict filter_repetition(const Completion& completion, const QualityConfig& config);
Verdict filter_length(const Completion& completion, const QualityConfig& config);

/// What became of a completion.
struct QualityOutcome {
  std::string dropped_by;  // the first filter that refused it; "": it passed all
  std::string reason;
  std::vector<std::pair<std::string, double>> values;  // what each filter that was asked found
  bool kept() const { return dropped_by.empty(); }
};

/// Any thread may call check_all.
class QualityFilters {
 public:
  static Result<QualityFilters> make(const QualityConfig& config);

  /// Each filter in turn on what the ones before have left: dear ones stand last.
  std::vector<QualityOutcome> check_all(std::span<const Ask> asks, ThreadPool& pool) const;
  /// Whether the row has what the filters need (a reference answer).
  bool can_judge(const Problem& problem) const;
  const QualityConfig& config() const { return config_; }

 private:
  struct Judged {
    std::string filter;
    RewardSet rewards;
    double least;
  };
  const Judged* judged(const std::string& filter) const;
  QualityConfig config_;
  std::vector<Judged> judged_;
};

/// How many each filter dropped, in the filters' order; those that dropped none are there, too.
std::vector<std::pair<std::string, int64_t>> count_dropped(
    const std::vector<std::string>& filters, std::span<const QualityOutcome> outcomes);

}  // namespace r1
