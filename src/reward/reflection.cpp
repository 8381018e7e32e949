#include "reward/reflection.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "data/last_digit_read.h"
#include "reward/answer.h"
#include "reward/number.h"

namespace r1 {
namespace {

constexpr std::array<std::string_view, 19> kWords = {
    "wait",   "mistake",  "however", "but",       "retry",   "error",   "verify",
    "wrong",  "evaluate", "check",   "attends",   "verifie", "vérifie", "vérifier",
    "erreur", "faux",     "trompé",  "cependant", "mais"};

bool is_right(const Episode& e) { return !e.score.parts.empty() && e.score.parts[0].second >= 1.0; }

/// The thought, or all where there is none.
std::string_view thought_part(std::string_view text) {
  text = text.substr(0, text.rfind("</think>"));
  const size_t open = text.find("<think>");
  return open == std::string_view::npos ? text : text.substr(open + 7);
}

/// Answers that a thought writes down before it doubts, judged by the reference.
struct Drafts {
  bool has_right = false, has_wrong = false;
};
Drafts judge_drafts(std::string_view thought, const std::string& reference) {
  Drafts drafts;
  if (reference.empty()) return drafts;
  // piece by piece: a paragraph ends at a line break; a doubt in a later one makes it a draft
  std::vector<std::string_view> lines;
  for (size_t at = 0; at <= thought.size();) {
    const size_t end = std::min(thought.find('\n', at), thought.size());
    lines.push_back(thought.substr(at, end - at));
    at = end + 1;
  }
  bool is_doubted = false;
  for (size_t i = lines.size(); i-- > 0;) {
    const bool states = lines[i].find("\\boxed{") != std::string_view::npos ||
                        lines[i].find("answer is") != std::string_view::npos;
    if (states && is_doubted) {
      const std::string draft = extract_marked_answer(lines[i]);
      if (!draft.empty())
        (answers_equal(draft, reference) ? drafts.has_right : drafts.has_wrong) = true;
    }
    is_doubted = is_doubted || has_doubt(lines[i]);
  }
  return drafts;
}

}  // namespace

std::span<const std::string_view> reflection_words() { return kWords; }

std::map<std::string, int64_t> count_reflection_words(std::string_view text) {
  std::map<std::string, int64_t> counts;
  for (const std::string& word : lower_words(text)) {
    if (std::find(kWords.begin(), kWords.end(), word) != kWords.end()) ++counts[word];
  }
  return counts;
}

SelfCorrection self_correction(const Problem& problem, std::string_view completion, bool is_right) {
  const bool is_built_in =
      !problem.messages.empty() && parse_last_digit(problem.messages.back().content);
  const std::string_view thought = thought_part(completion);
  const std::vector<WorkedLine> lines =
      worked_lines(thought, is_built_in ? Arithmetic::kLastDigit : Arithmetic::kExact);
  SelfCorrection result;
  result.lines = count_corrections(lines);
  result.n_lines = static_cast<int>(lines.size());
  for (const WorkedLine& line : lines) result.n_right_lines += line.is_right;
  const Drafts drafts =
      is_built_in ? Drafts{} : judge_drafts(thought, reference_answer(problem.answer));
  result.rescued = is_right && (result.lines.n_rescues > 0 || drafts.has_wrong);
  result.broken = !is_right && (result.lines.n_breaks > 0 || drafts.has_right);
  return result;
}

ReflectionStats reflection_stats(std::span<const Problem> problems,
                                 std::span<const Episode> episodes) {
  ReflectionStats stats;
  int64_t n_without = 0;
  for (const Episode& e : episodes) {
    const Problem& problem = problems[static_cast<size_t>(e.problem)];
    ++stats.n;
    int64_t n_words = 0;
    for (const auto& [word, count] : count_reflection_words(e.text)) {
      stats.words[word] += count;
      n_words += count;
    }
    stats.n_words += n_words;
    stats.n_with_words += n_words > 0;
    n_without += n_words == 0;
    (n_words > 0 ? stats.length_with : stats.length_without) +=
        static_cast<double>(e.tokens.size());
    const SelfCorrection correction = self_correction(problem, e.text, is_right(e));
    stats.n_rescued += correction.rescued;
    stats.n_broken += correction.broken;
    stats.lines.n_rescues += correction.lines.n_rescues;
    stats.lines.n_breaks += correction.lines.n_breaks;
    stats.lines.n_futile += correction.lines.n_futile;
    stats.n_lines += correction.n_lines;
    stats.n_right_lines += correction.n_right_lines;
    const LanguageMix mix = language_mix_of(problem, e.text);
    stats.languages.add(mix);
    stats.n_spoken += mix.n_words() > 0;
    stats.n_one_language += mix.has_one_language();
  }
  stats.length_with /= static_cast<double>(std::max<int64_t>(1, stats.n_with_words));
  stats.length_without /= static_cast<double>(std::max<int64_t>(1, n_without));
  return stats;
}

Metrics reflection_metrics(std::span<const Problem> problems, std::span<const Episode> episodes) {
  const ReflectionStats s = reflection_stats(problems, episodes);
  Metrics metrics{{"reflection/words", s.rate(s.n_words)},
                  {"reflection/rate", s.rate(s.n_with_words)},
                  {"reflection/rescued", s.rate(s.n_rescued)},
                  {"reflection/broken", s.rate(s.n_broken)}};
  if (s.n_lines > 0)
    metrics.emplace_back("reflection/right_lines",
                         static_cast<double>(s.n_right_lines) / static_cast<double>(s.n_lines));
  if (s.n_spoken > 0) {
    metrics.emplace_back("language/one_language",
                         static_cast<double>(s.n_one_language) / static_cast<double>(s.n_spoken));
    const double n = static_cast<double>(s.languages.n_words());
    for (const auto& [language, count] : s.languages.words) {
      if (language != "?")
        metrics.emplace_back("language/share/" + language, static_cast<double>(count) / n);
    }
  }
  if (!length_by_difficulty(problems, episodes).empty())
    metrics.emplace_back("length/difficulty_correlation", length_correlation(problems, episodes));
  return metrics;
}

std::vector<LengthByDifficulty> length_by_difficulty(std::span<const Problem> problems,
                                                     std::span<const Episode> episodes) {
  struct Sum {
    LengthByDifficulty row;
    int64_t n_right = 0;
  };
  std::map<int, Sum> sums;
  for (const Episode& e : episodes) {
    const int difficulty = problems[static_cast<size_t>(e.problem)].difficulty;
    Sum& sum = sums[difficulty];
    const double length = static_cast<double>(e.tokens.size());
    sum.row.difficulty = difficulty;
    ++sum.row.n;
    sum.row.mean_length += length;
    if (!is_right(e)) continue;
    sum.row.mean_length_right += length;
    ++sum.n_right;
  }
  std::vector<LengthByDifficulty> rows;
  if (sums.size() < 2) return rows;
  for (auto& [difficulty, sum] : sums) {
    const double n = static_cast<double>(sum.row.n), n_right = static_cast<double>(sum.n_right);
    sum.row.mean_length /= n;
    sum.row.mean_length_right = sum.n_right > 0 ? sum.row.mean_length_right / n_right : NAN;
    sum.row.accuracy = n_right / n;
    rows.push_back(sum.row);
  }
  return rows;
}

double length_correlation(std::span<const Problem> problems, std::span<const Episode> episodes) {
  double x = 0, y = 0, xx = 0, yy = 0, xy = 0;
  const double n = static_cast<double>(episodes.size());
  for (const Episode& e : episodes) {
    const double a = problems[static_cast<size_t>(e.problem)].difficulty;
    const double b = static_cast<double>(e.tokens.size());
    x += a, y += b, xx += a * a, yy += b * b, xy += a * b;
  }
  const double spread = (n * xx - x * x) * (n * yy - y * y);
  return spread <= 0 ? 0 : (n * xy - x * y) / std::sqrt(spread);
}

}  // namespace r1
