#include "math/extract.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "math/parse.h"
#include "math/text_places.h"
#include "math/units.h"

namespace r1 {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr size_t kLongestAnswer = 60000;  // characters behind the thought that are looked at

/// What is said after thinking; nothing when the thought never ends.
std::string_view after_thought(std::string_view text) {
  const size_t end = text.rfind("</think>");
  if (end != kNone) return text.substr(end + 8);
  return text.find("<think>") == kNone ? text : std::string_view();
}

/// Words that take a box back: those before them are no part of the answer.
bool is_correction(const std::string& words) {
  for (std::string_view word : {"but", "wait", "no", "not", "thus", "so", "actually", "instead",
                                "correct", "wrong", "therefore", "hence", "rather", "mistake"}) {
    const std::string spaced = " " + words + " ";
    if (spaced.find(" " + std::string(word) + " ") != std::string::npos) return true;
  }
  return false;
}

/// Whether two boxes with this between them are one answer of two parts.
bool joins(std::string_view gap) {
  if (gap.size() > 70) return false;
  const std::string words = plain_words(gap);
  if (is_correction(words)) return false;
  const std::string spaced = " " + words + " ";
  return gap.size() < 10 || spaced.find(" and ") != kNone || spaced.find(" or ") != kNone ||
         gap.find(',') != kNone || gap.find(';') != kNone;
}

std::string from_boxes(std::string_view text, bool is_reference, bool& is_open) {
  const std::vector<TextSpan> boxes = boxes_of(text, is_open);
  if (boxes.empty()) {
    const size_t at = text.rfind("\\boxed{");
    if (!is_reference || at == kNone) return "";
    return std::string(text.substr(at + 7));
  }
  size_t first = boxes.size() - 1;
  while (first > 0 && boxes.size() - first < 20) {
    const size_t end = boxes[first - 1].end;
    if (!joins(text.substr(end, boxes[first].begin - end))) break;
    --first;
  }
  std::string all;
  for (size_t i = first; i < boxes.size(); ++i) {
    const std::string_view inside = trim_text(boxes[i].inside);
    if (i > first && inside == trim_text(boxes[i - 1].inside)) continue;
    all += (all.empty() ? "" : ", ") + std::string(inside);
  }
  return all;
}

/// Nothing but an answer: no words beside a formula, only units and short names.
bool is_bare(const Expressions& e, int id, bool is_outer) {
  const Node& node = e[id];
  if (node.op == Op::kText && node.name == "real numbers") return true;
  if (node.op == Op::kText)
    return is_outer && std::count(node.name.begin(), node.name.end(), ' ') < 4;
  if (node.op == Op::kQuantity) {
    const size_t end = node.name.find_first_of(" ^/");
    const bool is_counted = is_outer && end == std::string::npos && e.is_number(node.args[0]);
    if (!is_counted && unit_of(node.name.substr(0, end)).empty()) return false;
  }
  const bool keeps = node.op == Op::kList || (is_outer && node.op == Op::kRelation);
  return std::all_of(node.args.begin(), node.args.end(),
                     [&](int arg) { return is_bare(e, arg, keeps && is_outer); });
}

/// Three words of prose, or one that only sentences have.
bool is_sentence(std::string_view text) {
  static constexpr std::string_view kProse[] = {"the", "so",  "is",  "of",   "to",  "we",  "get",
                                                "for", "are", "was", "thus", "now", "then"};
  int n_words = 0;
  for (size_t i = 0; i < text.size();) {
    size_t end = text.find_first_of(" \n\t", i);
    if (end == kNone) end = text.size();
    const std::string_view word = text.substr(i, end - i);
    i = end + 1;
    const bool is_plain =
        word.size() > 1 && std::all_of(word.begin(), word.end(), [](char c) {
          return std::isalpha(static_cast<unsigned char>(c)) || c == '\'' || c == ',';
        });
    if (!is_plain || word == "and" || word == "or" || !unit_of(word).empty()) continue;
    if (std::find(std::begin(kProse), std::end(kProse), lower_case(word)) != std::end(kProse)) {
      return true;
    }
    if (++n_words == 3) return true;
  }
  return false;
}

bool is_answer_alone(std::string_view text) {
  if (text.empty() || text.size() > 500) return false;
  if (is_sentence(text)) {
    const bool is_words = text.size() < 40 && text.find_first_of("0123456789\\$=") == kNone;
    if (!is_words) return false;
  }
  Expressions e;
  const auto root = parse_answer(e, text);
  return root && is_bare(e, *root, true);
}

std::string_view without_marks(std::string_view text) {
  const size_t first = text.find_first_not_of(" :*\r\n\t");
  if (first == kNone) return {};
  text.remove_prefix(first);
  while (!text.empty() && (text.ends_with('*') || text.ends_with('.') || text.ends_with(' '))) {
    text.remove_suffix(1);
  }
  return text;
}

/// The formulas at index `last` and before it that "and" or a comma joins, as one list.
std::string joined_formulas(std::string_view text, const std::vector<TextSpan>& all, size_t last) {
  size_t first = last;
  while (first > 0 && last - first < 6) {
    const auto gap = text.substr(all[first - 1].end, all[first].begin - all[first - 1].end);
    const std::string words = plain_words(gap);
    const bool is_list =
        gap.size() < 9 && (words == "and" || words == "or" || trim_text(gap) == ",");
    if (!is_list) break;
    --first;
  }
  std::string list;
  for (size_t i = first; i <= last; ++i) {
    list += (i > first ? ", " : "") + std::string(trim_text(all[i].inside));
  }
  return list;
}

/// Behind "answer is": the sentence if it is an answer, else what it names first.
void from_sentence(std::string_view text, std::vector<std::string>& out) {
  text = without_marks(text);
  const std::string_view line = without_marks(text.substr(0, text.find('\n')));
  std::string_view sentence = without_marks(line.substr(0, line.find(". ")));
  if (is_answer_alone(sentence)) {
    out.emplace_back(sentence);
    return;
  }
  size_t is = sentence.rfind(" is ");  // the volume is 120; not: 42 because 17 is odd
  if (is != kNone && sentence.find_first_of("0123456789") < is) is = kNone;
  if (is != kNone) sentence = sentence.substr(is + 4);
  if (is != kNone && is_answer_alone(without_marks(sentence))) {
    out.emplace_back(without_marks(sentence));
    return;
  }
  const std::string_view from = sentence.find("\\[") != kNone || sentence.empty() ? text : sentence;
  const auto formulas = formulas_of(from);
  const auto number = first_number(from);
  if (!formulas.empty() && (!number || number->end >= formulas[0].begin)) {
    size_t last = 0;
    while (last + 1 < formulas.size() && formulas[last + 1].begin - formulas[last].end < 9) ++last;
    out.push_back(joined_formulas(from, formulas, last));
  } else if (number) {
    out.emplace_back(number->inside);
  } else if (!sentence.empty() && sentence.size() < 200) {
    out.emplace_back(sentence);
  }
}

void from_end(std::string_view text, std::vector<std::string>& out) {
  if (is_answer_alone(text)) {
    out.emplace_back(text);
    return;
  }
  const auto formulas = formulas_of(text);
  const auto number = last_number(text);
  const bool by_number = number && (formulas.empty() || number->begin >= formulas.back().end);
  if (by_number) out.emplace_back(number->inside);
  for (size_t n = 0; !by_number && n < 2 && n < formulas.size(); ++n) {
    out.push_back(joined_formulas(text, formulas, formulas.size() - 1 - n));
  }
}

}  // namespace

Extraction extract_answers(std::string_view text, const MathOptions& options, bool is_reference) {
  Extraction result;
  if (options.skip_thought && !is_reference) text = after_thought(text);
  if (text.size() > kLongestAnswer) text.remove_prefix(text.size() - kLongestAnswer);
  text = trim_text(text.substr(0, text.find("<|im_")));
  std::string_view order = options.extract;
  while (!order.empty() && result.candidates.empty()) {
    const size_t comma = order.find(',');
    const std::string_view place = trim_text(order.substr(0, comma));
    order = comma == kNone ? std::string_view() : order.substr(comma + 1);
    if (place == "boxed") {
      std::string all = from_boxes(text, is_reference, result.is_truncated);
      if (!all.empty()) result.candidates.push_back(std::move(all));
    } else if (place == "answer_tag") {
      const size_t end = text.rfind("</answer>");
      const size_t begin = end == kNone ? kNone : text.rfind("<answer>", end);
      if (begin == kNone) continue;
      const std::string_view inside = trim_text(text.substr(begin + 8, end - begin - 8));
      if (inside.size() < 500) from_end(inside, result.candidates);
      if (result.candidates.empty() && inside.size() < 500) result.candidates.emplace_back(inside);
    } else if (place == "answer_is") {
      if (const auto rest = after_answer_phrase(text)) from_sentence(*rest, result.candidates);
    } else if (place == "last" && !result.is_truncated) {
      from_end(text, result.candidates);
      const bool is_all = result.candidates.empty() && (is_reference || text.size() < 100);
      if (is_all && !text.empty()) result.candidates.emplace_back(text);
    }
  }
  return result;
}

bool is_known_order(std::string_view order) {
  while (true) {
    const size_t comma = order.find(',');
    const std::string_view place = trim_text(order.substr(0, comma));
    if (place != "boxed" && place != "answer_tag" && place != "answer_is" && place != "last") {
      return false;
    }
    if (comma == kNone) return true;
    order.remove_prefix(comma + 1);
  }
}

bool is_choice(std::string_view text) {
  text = trim_text(text);
  std::string plain(text);
  for (std::string_view command : {"\\text", "\\mathrm", "\\textbf", "\\mathbf"}) {
    const size_t at = plain.find(command);
    if (at != std::string::npos) plain.erase(at, command.size());
  }
  const size_t first = plain.find_first_not_of("({[$*\\ ");
  if (first == kNone || plain[first] < 'A' || plain[first] > 'J') return false;
  const size_t after = plain.find_first_not_of(")}]$*.: ", first + 1);
  if (after == kNone) return true;
  const bool is_set_apart = after > first + 1;
  const auto is_wordy = [](char c) {
    return std::isalpha(static_cast<unsigned char>(c)) || c == ' ';
  };
  return is_set_apart && plain.size() - after > 2 &&
         std::all_of(plain.begin() + static_cast<std::ptrdiff_t>(after), plain.end(), is_wordy);
}

char choice_letter(std::string_view text) {
  const auto rest = after_answer_phrase(text);
  const std::string_view from = rest ? *rest : text;
  char last = '\0';
  for (size_t i = 0; i < from.size(); ++i) {
    if (from[i] < 'A' || from[i] > 'J') continue;
    const bool begins = i == 0 || !std::isalnum(static_cast<unsigned char>(from[i - 1]));
    const char after = i + 1 < from.size() ? from[i + 1] : '.';
    if (!begins || std::isalnum(static_cast<unsigned char>(after)) || after == '\'') continue;
    const bool is_word = from[i] == 'I' || (from[i] == 'A' && after == ' ' && i + 2 < from.size() &&
                                            std::islower(static_cast<unsigned char>(from[i + 2])));
    if (is_word) continue;
    if (rest || i == 0) return from[i];
    last = from[i];
  }
  return last;
}

}  // namespace r1
