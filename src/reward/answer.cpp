#include "reward/answer.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <vector>

#include "reward/number.h"
#include "reward/text_scan.h"
#include "reward/thought.h"

namespace r1 {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr std::string_view kOpen = "<answer>", kClose = "</answer>";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// What is said after thinking; nothing when the thought never ends.
std::string_view after_thought(std::string_view text) {
  const size_t end = text.rfind("</think>");
  if (end != kNone) return text.substr(end + 8);
  return text.find("<think>") == kNone ? text : std::string_view();
}

/// The inside of the only pair of answer tags; nothing when a tag is doubled, missing or reversed.
std::optional<std::string_view> only_pair(std::string_view text) {
  if (count_of(text, kOpen) != 1 || count_of(text, kClose) != 1) return std::nullopt;
  const size_t begin = text.find(kOpen) + kOpen.size(), end = text.find(kClose);
  if (end < begin) return std::nullopt;
  return trim_space(text.substr(begin, end - begin));
}

/// The inside of the last \boxed{…} whose braces balance. One pass, whatever the text.
std::optional<std::string_view> last_boxed(std::string_view text) {
  static constexpr std::string_view kBoxed = "\\boxed{";
  struct Brace {
    size_t inside;
    bool is_boxed;
  };
  std::vector<Brace> open;
  std::optional<std::string_view> last;
  size_t last_begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, kBoxed.size()) == kBoxed) {
      open.push_back({i + kBoxed.size(), true});
      i += kBoxed.size() - 1;
    } else if (text[i] == '\\') {
      ++i;  // \{ and \} are signs, not braces
    } else if (text[i] == '{') {
      open.push_back({i + 1, false});
    } else if (text[i] == '}' && !open.empty()) {
      const Brace brace = open.back();
      open.pop_back();
      if (!brace.is_boxed || brace.inside < last_begin) continue;
      last_begin = brace.inside;
      last = trim_space(text.substr(brace.inside, i - brace.inside));
    }
  }
  return last;
}

std::optional<std::string_view> after_hashes(std::string_view text) {
  const size_t at = text.rfind("#### ");
  if (at == kNone) return std::nullopt;
  text.remove_prefix(at + 5);
  return trim_space(text.substr(0, text.find('\n')));
}

/// The numbers of a text as written: -1,234.50  3/4  12%. A minus after a digit, a letter or a
/// closing bracket is an operator.
std::vector<std::string_view> numbers_in(std::string_view text) {
  std::vector<std::string_view> numbers;
  for (size_t i = 0; i < text.size();) {
    if (!is_digit(text[i])) {
      ++i;
      continue;
    }
    size_t begin = i, end = i;
    if (begin > 0 && text[begin - 1] == '.') --begin;
    if (begin > 0 && text[begin - 1] == '$') --begin;
    if (begin > 0 && text[begin - 1] == '-') {
      const char before = begin > 1 ? text[begin - 2] : ' ';
      if (!std::isalnum(static_cast<unsigned char>(before)) && before != ')') --begin;
    }
    while (end < text.size() &&
           (is_digit(text[end]) || (std::string_view(",./").find(text[end]) != kNone &&
                                    end + 1 < text.size() && is_digit(text[end + 1])))) {
      ++end;
    }
    if (end < text.size() && text[end] == '%') ++end;
    numbers.push_back(text.substr(begin, end - begin));
    i = end;
  }
  return numbers;
}

/// The sentence after the last "answer is", in any case.
std::optional<std::string_view> after_answer_is(std::string_view text) {
  static constexpr std::string_view kPhrase = "answer is";
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
  const auto found = std::find_end(text.begin(), text.end(), kPhrase.begin(), kPhrase.end(), same);
  if (found == text.end()) return std::nullopt;
  text.remove_prefix(found - text.begin() + kPhrase.size());
  const size_t first = text.find_first_not_of(" :*\r\n");
  if (first == kNone) return std::string_view();
  text.remove_prefix(first);
  text = trim_space(text.substr(0, std::min(text.find('\n'), text.find(". "))));
  while (text.ends_with('*') || text.ends_with('.')) text.remove_suffix(1);
  if (parse_number(text)) return text;
  const auto numbers = numbers_in(text);
  if (numbers.size() != 1) return text;
  const size_t begin = numbers[0].data() - text.data(), end = begin + numbers[0].size();
  static constexpr std::string_view kFormula = "\\^=+*/_(){}[]<>|";
  const bool in_words = text.substr(0, begin).find_first_of(kFormula) == kNone &&
                        text.substr(end).find_first_of(kFormula) == kNone;
  return in_words ? numbers[0] : text;
}

}  // namespace

std::string extract_marked_answer(std::string_view completion) {
  const std::string_view said = after_thought(completion);
  if (said.find(kOpen) != kNone || said.find(kClose) != kNone) {
    const auto inside = only_pair(said);
    if (!inside) return "";
    return std::string(last_boxed(*inside).value_or(*inside));
  }
  if (const auto boxed = last_boxed(said)) return std::string(*boxed);
  if (const auto line = after_hashes(said)) return std::string(*line);
  if (const auto sentence = after_answer_is(said)) return std::string(*sentence);
  return "";
}

std::string extract_answer(std::string_view completion) {
  const std::string_view said = after_thought(completion);
  std::string answer = extract_marked_answer(completion);
  const bool is_marked = !answer.empty() || said.find(kOpen) != kNone ||
                         said.find(kClose) != kNone || last_boxed(said) || after_hashes(said) ||
                         after_answer_is(said);
  if (is_marked) return answer;
  const auto numbers = numbers_in(said);
  return numbers.empty() ? "" : std::string(numbers.back());
}

std::string extract_only_answer(const Completion& completion, const RewardOptions& options) {
  RewardOptions strictly = options;
  strictly.strict = true;
  const std::string_view said = said_after_thought(completion, strictly);
  const int n_boxed = count_of(said, "\\boxed");
  if (n_boxed > 1) return "";
  if (said.find(kOpen) == kNone && said.find(kClose) == kNone) {
    return std::string(last_boxed(said).value_or(std::string_view()));
  }
  const auto inside = only_pair(said);
  if (!inside || count_of(*inside, "\\boxed") != n_boxed) return "";
  return std::string(last_boxed(*inside).value_or(*inside));
}

std::string find_answer(const Completion& completion, const RewardOptions& options) {
  return options.strict ? extract_only_answer(completion, options)
                        : extract_answer(completion.text);
}

std::string extract_answer_strict(std::string_view completion) {
  const auto inside = only_pair(completion);
  if (!inside || !std::all_of(inside->begin(), inside->end(), is_digit)) return "";
  return std::string(*inside);
}

std::string reference_answer(std::string_view reference) {
  if (const auto boxed = last_boxed(reference)) return std::string(*boxed);
  if (const auto line = after_hashes(reference)) return std::string(*line);
  return std::string(trim_space(reference));
}

Verdict judge_answer(const Problem& problem, const Completion& completion,
                     const std::string& answer, bool (*equal)(std::string_view, std::string_view)) {
  if (problem.answer.empty()) return {0, "the problem has no reference answer", false};
  const std::string reference = reference_answer(problem.answer);
  if (!completion.finished) return {0, "truncated", true, answer, reference};
  if (answer.empty()) return {0, "no answer found", true, answer, reference};
  const bool is_right = equal(answer, reference);
  return {is_right ? 1.0 : 0.0,
          fmt::format("{} {} {}", answer, is_right ? "equals" : "is not", reference), true, answer,
          reference};
}

Verdict accuracy(const Problem& problem, const Completion& completion,
                 const RewardOptions& options) {
  return judge_answer(problem, completion, find_answer(completion, options), answers_equal);
}

Verdict accuracy_strict(const Problem& problem, const Completion& completion,
                        const RewardOptions& options) {
  std::string answer = extract_answer_strict(completion.text);
  if (options.strict && answer != extract_only_answer(completion, options)) answer.clear();
  return judge_answer(problem, completion, answer, answers_equal);
}

}  // namespace r1
