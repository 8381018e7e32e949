#include "reward/language_mix.h"

#include <unicode/uscript.h>

#include <algorithm>

#include "data/last_digit_read.h"
#include "data/last_digit_words.h"
#include "reward/detect_language.h"
#include "reward/prose.h"
#include "reward/thought.h"

namespace r1 {
namespace {

LanguageMix last_digit_mix(std::string_view text) {
  LanguageMix mix;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_of(" \t\r\n", at), text.size());
    const std::string_view word = text.substr(at, end - at);
    at = end + 1;
    const auto is_in = [&](const auto& words) {
      return std::find(words.begin(), words.end(), word) != words.end();
    };
    if (is_in(kEnglishWords)) ++mix.words["en"];
    if (is_in(kFrenchWords)) ++mix.words["fr"];
  }
  return mix;
}

}  // namespace

int64_t LanguageMix::n_words() const {
  int64_t n = 0;
  for (const auto& [language, count] : words) n += count;
  return n;
}

double LanguageMix::largest_share() const {
  int64_t most = 0;
  for (const auto& [language, count] : words) most = std::max(most, count);
  return most == 0 ? 0 : static_cast<double>(most) / static_cast<double>(n_words());
}

void LanguageMix::add(const LanguageMix& other) {
  for (const auto& [language, count] : other.words) words[language] += count;
}

LanguageMix language_mix(std::string_view whole) {
  const std::string text = without_code_and_latex(whole);
  const std::string main = language_of(text);
  const std::vector<LanguageSpan> spans = language_spans(text, main);
  LanguageMix mix;
  auto span = spans.begin();
  for (const ScriptWord& word : script_words(text)) {
    if (word.n_letters <= 1 && (word.script == USCRIPT_LATIN || word.script == USCRIPT_GREEK))
      continue;
    while (span != spans.end() && span->end <= word.begin) ++span;
    const bool is_covered = span != spans.end() && span->begin <= word.begin;
    std::string language = is_covered ? span->code : "";
    if (language.empty() && !main.empty() && writes_in(main, word.script)) language = main;
    ++mix.words[language.empty() ? "?" : language];
  }
  return mix;
}

LanguageMix language_mix_of(const Problem& problem, std::string_view completion) {
  const bool is_built_in =
      !problem.messages.empty() && parse_last_digit(problem.messages.back().content);
  if (is_built_in) {
    LanguageMix mix = last_digit_mix(completion);
    if (mix.n_words() > 0) return mix;
  }
  const std::string_view thought =
      thought_of({.text = completion,
                  .opens_think = completion.find("<think>") == std::string_view::npos &&
                                 completion.find("</think>") != std::string_view::npos},
                 {});
  // Free prose about the built-in task, by another model, is a thought of words without tags.
  if (is_built_in && thought.find('<') != thought.npos) return {};
  if (is_built_in) return language_mix(thought);
  return language_mix(thought.empty() ? completion : thought);
}

}  // namespace r1
