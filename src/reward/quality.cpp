#include "reward/quality.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "reward/detect_language.h"
#include "reward/language_mix.h"
#include "reward/prose.h"
#include "reward/repetition.h"
#include "reward/thought.h"
#include "text/unicode.h"

namespace r1 {
namespace {

constexpr int kLongestWord = 60;  // letters

Verdict pass(std::string reason) { return {1, std::move(reason), true}; }
Verdict drop(std::string reason) { return {0, std::move(reason), true}; }

std::string language_asked(const Problem& problem, const QualityConfig& config) {
  if (!config.language.empty()) return config.language;
  for (auto message = problem.messages.rbegin(); message != problem.messages.rend(); ++message) {
    if (message->role == "user") return language_of(without_code_and_latex(message->content));
  }
  return "";
}

/// Why a text is not readable as text, or "".
std::string character_fault(std::string_view text) {
  if (!is_utf8(text)) return "not UTF-8";
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (c == 0xFFFD) return "a replacement character";
    const bool is_control =
        (c < 0x20 && c != '\n' && c != '\t' && c != '\r') || (c >= 0x7F && c < 0xA0);
    if (is_control) return fmt::format("control character U+{:04X}", static_cast<uint32_t>(c));
  }
  return "";
}

int count_words(std::string_view text) {
  int n = 0;
  bool in_word = false;
  for (size_t at = 0; at < text.size();) {
    const bool is_blank = is_space(next_code_point(text, at));
    n += !is_blank && !in_word;
    in_word = !is_blank;
  }
  return n;
}

/// Words of the longest stretch between blank lines.
int longest_paragraph(std::string_view text) {
  int most = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find("\n\n"), text.size());
    most = std::max(most, count_words(text.substr(0, end)));
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return most;
}

/// The thought, or all of a completion without one.
std::string_view thought_or_all(const Completion& completion, bool prefilled) {
  const std::string_view thought = thought_of(completion, {.prefilled_think = prefilled});
  return thought.empty() ? completion.text : thought;
}

using Rule = Verdict (*)(const Problem&, const Completion&, const QualityConfig&);

Rule rule_of(const std::string& name) {
  if (name == "one_language") return filter_language;
  if (name == "readable")
    return [](const Problem&, const Completion& c, const QualityConfig& config) {
      return filter_readable(c, config);
    };
  if (name == "repetition")
    return [](const Problem&, const Completion& c, const QualityConfig& config) {
      return filter_repetition(c, config);
    };
  if (name == "length")
    return [](const Problem&, const Completion& c, const QualityConfig& config) {
      return filter_length(c, config);
    };
  return nullptr;
}

Verdict verdict_of(const Score& score, double least) {
  if (!score.valid) return {0, score.reason.empty() ? "no verdict" : score.reason, true};
  return {score.value, score.reason, score.value >= least};
}

}  // namespace

const std::vector<std::string>& quality_filters() {
  static const std::vector<std::string> names{"correct",    "format", "one_language", "readable",
                                              "repetition", "length", "score"};
  return names;
}

Result<void> QualityConfig::validate() const {
  std::set<std::string> seen;
  for (const std::string& name : filters) {
    const auto& known = quality_filters();
    if (std::find(known.begin(), known.end(), name) == known.end())
      return fail("unknown filter {} (known: {})", name, fmt::format("{}", fmt::join(known, ", ")));
    if (!seen.insert(name).second) return fail("filter {} is named twice", name);
  }
  if (seen.contains("score") && score_reward.empty())
    return fail("filter score needs score_reward, such as judge;model=DIR");
  if (!seen.contains("score") && !score_reward.empty())
    return fail("score_reward is set, but score is not among the filters");
  if (!language.empty() && !is_known_language(language))
    return fail("language is '{}'; known: {}", language, known_languages());
  if (ngram_size < 1) return fail("ngram_size is {}; it must be at least 1", ngram_size);
  if (!(max_repetition >= 0 && max_repetition <= 1))
    return fail("max_repetition is {}; it is a share from 0 to 1", max_repetition);
  if (max_paragraph < 0) return fail("max_paragraph is {}; 0 is no limit", max_paragraph);
  if (min_length < 0 || max_length < 0 || (max_length > 0 && min_length > max_length))
    return fail("lengths from {} to {}", min_length, max_length);
  if (!std::isfinite(min_score)) return fail("min_score is not a number");
  return {};
}

Verdict filter_language(const Problem& problem, const Completion& completion,
                        const QualityConfig& config) {
  std::string text(completion.text);
  if (completion.opens_think || config.prefilled_think) text.insert(0, "<think>");
  const LanguageMix mix = language_mix_of(problem, text);
  if (mix.n_words() == 0) return drop("no words that have a language");
  const auto most =
      std::max_element(mix.words.begin(), mix.words.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  const std::string share =
      fmt::format("{} of {} words are {}", most->second, mix.n_words(), most->first);
  if (!mix.has_one_language()) return drop(share);
  const std::string asked = language_asked(problem, config);
  if (!asked.empty() && most->first != asked) return drop(share + ", not " + asked);
  return pass(share);
}

Verdict filter_readable(const Completion& completion, const QualityConfig& config) {
  if (const std::string fault = character_fault(completion.text); !fault.empty())
    return drop(fault);
  const std::string_view thought = thought_or_all(completion, config.prefilled_think);
  if (thought.find("```") != std::string_view::npos) return drop("a code block in the thought");
  if (config.max_paragraph > 0) {
    const int most = longest_paragraph(thought);
    if (most > config.max_paragraph) return drop(fmt::format("a paragraph of {} words", most));
  }
  for (const ScriptWord& word : script_words(thought)) {
    if (word.n_letters > kLongestWord)
      return drop(fmt::format("a word of {} letters", word.n_letters));
  }
  return pass("readable");
}

Verdict filter_repetition(const Completion& completion, const QualityConfig& config) {
  const std::vector<std::string> words = repetition_words(completion.text, false);
  const int64_t n = static_cast<int64_t>(words.size()) - config.ngram_size + 1;
  if (n <= 0) return pass("too short to repeat itself");
  std::set<std::string> seen;
  for (int64_t i = 0; i < n; ++i) {
    std::string gram;
    for (int64_t k = i; k < i + config.ngram_size; ++k)
      gram += words[static_cast<size_t>(k)] + '\n';
    seen.insert(std::move(gram));
  }
  const double share = 1.0 - static_cast<double>(seen.size()) / static_cast<double>(n);
  const std::string reason =
      fmt::format("{:.0f} % of {}-grams repeat", 100 * share, config.ngram_size);
  return share <= config.max_repetition ? pass(reason) : drop(reason);
}

Verdict filter_length(const Completion& completion, const QualityConfig& config) {
  if (!completion.finished) return drop("cut off");
  const bool has_tokens = completion.n_tokens >= 0;
  const int64_t n = has_tokens ? completion.n_tokens
                               : static_cast<int64_t>(count_code_points(to_utf8(completion.text)));
  const std::string reason = fmt::format("{} {}", n, has_tokens ? "tokens" : "characters");
  const bool fits = n >= config.min_length && (config.max_length == 0 || n <= config.max_length);
  return fits ? pass(reason) : drop(reason);
}

Result<QualityFilters> QualityFilters::make(const QualityConfig& config) {
  R1_RETURN_IF_ERROR(config.validate());
  QualityFilters filters;
  filters.config_ = config;
  for (const std::string& name : config.filters) {
    std::vector<std::string> rewards;
    if (name == "correct") rewards = {config.correct_reward};
    if (name == "format") rewards = {config.format_reward};
    if (name == "score") rewards = config.score_reward;
    if (rewards.empty()) continue;
    auto set = make_rewards(rewards, {}, {.prefilled_think = config.prefilled_think});
    if (!set) return fail_with(set.error().with("filter " + name));
    filters.judged_.push_back({name, std::move(*set), name == "score" ? config.min_score : 1.0});
  }
  return filters;
}

const QualityFilters::Judged* QualityFilters::judged(const std::string& filter) const {
  for (const Judged& one : judged_) {
    if (one.filter == filter) return &one;
  }
  return nullptr;
}

bool QualityFilters::can_judge(const Problem& problem) const {
  return std::all_of(judged_.begin(), judged_.end(),
                     [&](const Judged& one) { return one.rewards.can_judge(problem); });
}

std::vector<QualityOutcome> QualityFilters::check_all(std::span<const Ask> asks,
                                                      ThreadPool& pool) const {
  std::vector<QualityOutcome> outcomes(asks.size());
  for (const std::string& name : config_.filters) {
    std::vector<Ask> left;
    std::vector<size_t> places;
    for (size_t i = 0; i < asks.size(); ++i) {
      if (!outcomes[i].kept()) continue;
      left.push_back(asks[i]);
      places.push_back(i);
    }
    std::vector<Verdict> verdicts(left.size());
    if (const Judged* one = judged(name)) {
      const std::vector<Score> scores = one->rewards.score_all(left, pool);
      for (size_t i = 0; i < left.size(); ++i) verdicts[i] = verdict_of(scores[i], one->least);
    } else {
      const Rule rule = rule_of(name);
      pool.parallel_for(static_cast<int64_t>(left.size()), 16, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const auto at = static_cast<size_t>(i);
          verdicts[at] = rule(*left[at].problem, left[at].completion, config_);
          verdicts[at].valid = verdicts[at].value >= 1;
        }
      });
    }
    for (size_t i = 0; i < left.size(); ++i) {
      QualityOutcome& outcome = outcomes[places[i]];
      outcome.values.emplace_back(name, verdicts[i].value);
      if (verdicts[i].valid) continue;
      outcome.dropped_by = name;
      outcome.reason = verdicts[i].reason;
    }
  }
  return outcomes;
}

std::vector<std::pair<std::string, int64_t>> count_dropped(
    const std::vector<std::string>& filters, std::span<const QualityOutcome> outcomes) {
  std::vector<std::pair<std::string, int64_t>> counts;
  for (const std::string& name : filters) counts.emplace_back(name, 0);
  for (const QualityOutcome& outcome : outcomes) {
    for (auto& [name, n] : counts) n += outcome.dropped_by == name;
  }
  return counts;
}

}  // namespace r1
