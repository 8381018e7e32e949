#include "reward/choice.h"

#include <algorithm>

#include "reward/answer.h"
#include "reward/text_scan.h"
#include "reward/thought.h"

namespace r1 {
namespace {

bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

void drop_prefix(std::string_view& text, std::string_view prefix) {
  const auto same = [](char a, char b) { return upper(a) == upper(b); };
  if (text.size() >= prefix.size() &&
      std::equal(prefix.begin(), prefix.end(), text.begin(), same)) {
    text = trim_space(text.substr(prefix.size()));
  }
}

/// Without what only decorates: \text{…}, $…$, **…**, brackets, a full stop.
std::string_view without_dress(std::string_view text) {
  for (size_t before = text.size() + 1; text.size() < before;) {
    before = text.size();
    text = trim_space(text);
    for (std::string_view macro : {"\\text{", "\\textbf{", "\\mathrm{", "\\mathbf{", "\\boxed{"}) {
      if (text.starts_with(macro) && text.ends_with('}'))
        text = text.substr(macro.size(), text.size() - macro.size() - 1);
    }
    for (std::string_view pair : {"()", "[]", "{}", "$$", "**", "\"\"", "''"}) {
      const bool is_one = text.size() >= 3 && text.front() == pair[0] && text.back() == pair[1] &&
                          (pair[0] == pair[1] || text.find(pair[0], 1) == std::string_view::npos);
      if (is_one) text = text.substr(1, text.size() - 2);
    }
    for (std::string_view word : {"option ", "choice ", "answer "}) drop_prefix(text, word);
    if (text.size() >= 2 && (text.ends_with('.') || text.ends_with(':') || text.ends_with(')')) &&
        is_letter(text[text.size() - 2]) && text.size() == 2)
      text.remove_suffix(1);
  }
  return text;
}

/// "A, C", "(A) and (C)", "AC": every piece a letter.
std::string letter_list(std::string_view text) {
  std::string letters;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(",; &"), text.size());
    const std::string_view piece = without_dress(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (piece.empty() || piece == "and") continue;
    if (piece.size() != 1 || !is_letter(piece[0])) return "";
    letters += upper(piece[0]);
  }
  std::sort(letters.begin(), letters.end());
  letters.erase(std::unique(letters.begin(), letters.end()), letters.end());
  return letters;
}

/// The last line that has something on it.
std::string_view last_line(std::string_view text) {
  text = trim_space(text);
  const size_t at = text.rfind('\n');
  return at == std::string_view::npos ? text : trim_space(text.substr(at + 1));
}

}  // namespace

std::string choice_letters(std::string_view answer) {
  answer = without_dress(answer);
  if (const std::string letters = letter_list(answer); !letters.empty()) return letters;
  // "B. Paris", "(B) Paris", "B: Paris": the letter, its mark, then the choice's own words
  if (answer.starts_with('(')) answer.remove_prefix(1);
  const bool has_mark = answer.size() > 2 && is_letter(answer[0]) &&
                        std::string_view(".):").find(answer[1]) != std::string_view::npos;
  if (!has_mark) return "";
  const std::string_view words = answer.substr(2);
  for (size_t i = 0; i + 1 < words.size(); ++i) {  // a second marked letter makes it a list
    const bool begins = i == 0 || !is_letter(words[i - 1]);
    if (begins && is_letter(words[i]) &&
        std::string_view(".):").find(words[i + 1]) != std::string_view::npos)
      return "";
  }
  return std::string(1, upper(answer[0]));
}

Verdict choice(const Problem& problem, const Completion& completion, const RewardOptions& options) {
  const std::string reference = choice_letters(reference_answer(problem.answer));
  if (reference.empty()) return {0, "the reference answer is not a letter", false};
  std::string answer = options.strict ? extract_only_answer(completion, options)
                                      : extract_marked_answer(completion.text);
  if (answer.empty() && !options.strict)
    answer = last_line(said_after_thought(completion, options));
  if (options.strict && letter_list(without_dress(answer)).empty()) answer.clear();
  Verdict verdict =
      judge_answer(problem, completion, answer, [](std::string_view a, std::string_view b) {
        return choice_letters(a) == choice_letters(b);
      });
  verdict.extracted = choice_letters(answer);
  verdict.reference = reference;
  return verdict;
}

}  // namespace r1
