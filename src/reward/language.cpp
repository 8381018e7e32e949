#include "reward/language.h"

#include <fmt/core.h>
#include <unicode/uscript.h>

#include <algorithm>

#include "data/last_digit.h"
#include "data/last_digit_words.h"
#include "reward/detect_language.h"
#include "reward/prose.h"
#include "reward/thought.h"

namespace r1 {
namespace {

struct Share {
  int64_t n_target = 0, n_words = 0;
};

Share share_of(std::string_view thought, const std::string& target) {
  const std::string text = without_code_and_latex(thought);
  const std::vector<LanguageSpan> spans = language_spans(text, target);
  const bool is_latin = writes_in(target, USCRIPT_LATIN);
  Share share;
  auto span = spans.begin();
  for (const ScriptWord& word : script_words(text)) {
    if (word.script == USCRIPT_LATIN && word.n_letters <= (is_latin ? 1 : 2)) continue;
    if (word.script == USCRIPT_GREEK && word.n_letters == 1) continue;
    while (span != spans.end() && span->end <= word.begin) ++span;
    const bool is_other = span != spans.end() && span->begin <= word.begin && !span->code.empty() &&
                          span->code != target;
    ++share.n_words;
    share.n_target += writes_in(target, word.script) && !is_other;
  }
  return share;
}

class LanguageReward : public Reward {
 public:
  LanguageReward(LanguageOptions options, RewardOptions common)
      : options_(std::move(options)), common_(common) {}

  bool can_judge(const Problem& problem) const override { return !target_of(problem).empty(); }

  Verdict score(const Problem& problem, const Completion& completion) const override {
    const std::string target = target_of(problem);
    if (target.empty()) return {0, "the prompt's language is not known", false};
    const std::string_view thought =
        options_.where == "text" ? completion.text : thought_of(completion, common_);
    const Share share = share_of(thought, target);
    if (share.n_words == 0) return {0, "no words in the thought", true, "", target};
    const double value = static_cast<double>(share.n_target) / static_cast<double>(share.n_words);
    return {value, fmt::format("{} of {} words are {}", share.n_target, share.n_words, target),
            true, "", target};
  }

 private:
  std::string target_of(const Problem& problem) const {
    if (!options_.target.empty()) return options_.target;
    std::string prompt;
    for (const Message& message : problem.messages) {
      if (message.role == "user") prompt = message.content;
    }
    return language_of(without_code_and_latex(prompt));
  }

  LanguageOptions options_;
  RewardOptions common_;
};

bool has_english(std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(" \t\r\n"), text.size());
    const std::string_view word = text.substr(0, end);
    if (std::find(kEnglishWords.begin(), kEnglishWords.end(), word) != kEnglishWords.end())
      return true;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

}  // namespace

Verdict last_digit_language(const Problem&, const Completion& completion,
                            const RewardOptions& options) {
  if (options.strict && !has_english(completion.text)) return {0, "no English word", true};
  const double share = english_share(completion.text);
  return {share, fmt::format("{:.0f} % English", 100 * share), true};
}

Result<std::unique_ptr<const Reward>> make_language(const RewardSettings& settings) {
  auto read = read_options<LanguageOptions>(settings);
  if (!read) return fail_with(read.error());
  LanguageOptions& options = *read;
  if (!options.target.empty() && !is_known_language(options.target))
    return fail("reward language: target is {}; known: {}", options.target, known_languages());
  if (options.where != "thought" && options.where != "text")
    return fail("reward language: where is {}; known: thought, text", options.where);
  return std::make_unique<LanguageReward>(options, settings.common);
}

}  // namespace r1
