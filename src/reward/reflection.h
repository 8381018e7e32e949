// Watching reasoning emerge: words of reflection, self-corrections, length against difficulty,
// languages.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/records.h"
#include "reward/episodes.h"
#include "reward/language_mix.h"
#include "reward/worked_lines.h"

namespace r1 {

/// The paper's ten words and French twins of some, in lower case.  [DeepSeek-AI 2025, supplement]
std::span<const std::string_view> reflection_words();

/// How often each of them occurs, as a whole word in any case; absent: never.
std::map<std::string, int64_t> count_reflection_words(std::string_view text);

/// What self-corrections did to one answer.
///   rescued: the answer is right, and an equation that was wrong had been mended after a doubt, or
///            an answer written down before a doubt was wrong;
///   broken:  the answer is wrong, and an equation that was right had been spoilt after a doubt, or
///            an answer written down before a doubt was right.
/// Equations a op b = c are checked exactly (the built-in task's by their last digit). An answer
/// written down is \boxed{…} or what follows "answer is": in free text this is a heuristic.
struct SelfCorrection {
  Corrections lines;
  int n_lines = 0, n_right_lines = 0;
  bool rescued = false, broken = false;
};
SelfCorrection self_correction(const Problem& problem, std::string_view completion, bool is_right);

/// Over the completions of a step or of an evaluation.
struct ReflectionStats {
  int64_t n = 0;  // completions
  std::map<std::string, int64_t> words;
  int64_t n_words = 0, n_with_words = 0;  // words in all; completions that have any
  int64_t n_rescued = 0, n_broken = 0;
  Corrections lines;
  int64_t n_lines = 0, n_right_lines = 0;
  LanguageMix languages;
  int64_t n_spoken = 0, n_one_language = 0;    // completions with words of a language; with one
  double length_with = 0, length_without = 0;  // tokens, with and without words of reflection

  double rate(int64_t count) const {
    return n > 0 ? static_cast<double>(count) / static_cast<double>(n) : 0;
  }
};
ReflectionStats reflection_stats(std::span<const Problem> problems,
                                 std::span<const Episode> episodes);

/// reflection/words, reflection/rate, reflection/rescued, reflection/broken (a completion),
/// reflection/right_lines (share, where lines are worked), language/one_language,
/// language/share/CODE, length/difficulty_correlation (where difficulties differ).
Metrics reflection_metrics(std::span<const Problem> problems, std::span<const Episode> episodes);

/// Mean length and accuracy of the problems of one difficulty.
struct LengthByDifficulty {
  int difficulty = 0;
  int64_t n = 0;
  double mean_length = 0, mean_length_right = 0, accuracy = 0;  // _right: of the right answers
};
/// Ascending; empty when all problems have the same difficulty.
std::vector<LengthByDifficulty> length_by_difficulty(std::span<const Problem> problems,
                                                     std::span<const Episode> episodes);

/// Pearson's correlation of difficulty and length; 0 when either does not vary.
double length_correlation(std::span<const Problem> problems, std::span<const Episode> episodes);

}  // namespace r1
