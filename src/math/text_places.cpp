#include "math/text_places.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace r1 {
namespace {

constexpr size_t kNone = std::string_view::npos;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// In lower case, for all languages that have it in ASCII.
constexpr std::string_view kPhrases[] = {
    "answer is",    "answers are", "answer:",    "answer =",    "answer was", "réponse est",
    "respuesta es", "antwort ist", "risposta è", "答案是",      "答案为",     "答案：",
    "#### ",        "\na: ",       "ответ:",     "final answer"};

/// The end of a number that begins at a digit or a point.
size_t number_end(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size()) {
    const bool joins = std::string_view(".,/").find(text[end]) != kNone && end + 1 < text.size() &&
                       is_digit(text[end + 1]);
    if (!is_digit(text[end]) && !joins) break;
    ++end;
  }
  if (text.substr(end, 1) == "%") ++end;
  if (text.substr(end, 2) == "\\%") end += 2;
  return end;
}

/// Where the number whose first digit is at `at` begins: its point, currency and minus count.
size_t number_begin(std::string_view text, size_t at) {
  size_t begin = at;
  if (begin > 0 && text[begin - 1] == '.') --begin;
  const size_t amount = begin;
  if (begin > 0 && text[begin - 1] == '$') --begin;
  if (begin > 0 && text[begin - 1] == '-') {
    const char before = begin > 1 ? text[begin - 2] : ' ';
    if (!std::isalnum(static_cast<unsigned char>(before)) && before != ')') return begin - 1;
  }
  return amount;
}

bool is_glued(std::string_view text, size_t begin) {
  return begin > 0 &&
         (is_letter(text[begin - 1]) || text[begin - 1] == '_' || text[begin - 1] == '^');
}

std::optional<TextSpan> find_number(std::string_view text, bool is_last) {
  std::optional<TextSpan> found;
  for (size_t i = 0; i < text.size();) {
    if (!is_digit(text[i])) {
      ++i;
      continue;
    }
    const size_t end = number_end(text, i), begin = number_begin(text, i);
    if (!is_glued(text, begin)) {
      found = TextSpan{begin, end, text.substr(begin, end - begin)};
      if (!is_last) return found;
    }
    i = end;
  }
  return found;
}

/// Words between dollar signs: an amount of money opened this "formula".
bool is_prose(std::string_view inside) {
  int n_words = 0;
  size_t run = 0;
  for (size_t i = 0; i <= inside.size(); ++i) {
    if (i < inside.size() && is_letter(inside[i])) {
      ++run;
      continue;
    }
    const bool is_command = run > 0 && i > run && inside[i - run - 1] == '\\';
    n_words += run > 2 && !is_command;
    run = 0;
  }
  return n_words >= 2 && inside.find('\\') == kNone;
}

}  // namespace

std::string_view trim_text(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == kNone) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::vector<TextSpan> boxes_of(std::string_view text, bool& is_open) {
  std::vector<TextSpan> boxes;
  struct Brace {
    size_t begin, inside;
    bool is_box;
  };
  std::vector<Brace> open;
  int n_open_boxes = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      size_t name = i + 1;
      const std::string_view rest = text.substr(name);
      const size_t length = rest.starts_with("boxed") ? 5 : rest.starts_with("fbox") ? 4 : 0;
      name += length;
      while (length > 0 && name < text.size() && text[name] == ' ') ++name;
      if (length > 0 && name < text.size() && text[name] == '{') {
        open.push_back({i, name + 1, true});
        ++n_open_boxes;
        i = name;
      } else if (text.substr(i + 1, 1) == "\\" && text.substr(i + 2, 5) != "boxed") {
        ++i;  // a line break
      } else if (text.substr(i + 1, 1) == "{" || text.substr(i + 1, 1) == "}") {
        ++i;
      }
    } else if (text[i] == '{') {
      open.push_back({i, i + 1, false});
    } else if (text[i] == '}' && !open.empty()) {
      const Brace brace = open.back();
      open.pop_back();
      if (!brace.is_box) continue;
      --n_open_boxes;
      while (!boxes.empty() && boxes.back().begin > brace.begin) boxes.pop_back();
      boxes.push_back({brace.begin, i + 1, text.substr(brace.inside, i - brace.inside)});
    }
  }
  is_open = n_open_boxes > 0;
  return boxes;
}

std::vector<TextSpan> formulas_of(std::string_view text) {
  std::vector<TextSpan> found;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    std::string_view open, close;
    if (text[i] == '\\') {
      const char next = text[i + 1];
      if (next == '(') open = "\\(", close = "\\)";
      if (next == '[') open = "\\[", close = "\\]";
      if (open.empty()) {
        ++i;  // an escaped sign opens nothing
        continue;
      }
    } else if (text[i] == '$') {
      open = close = text[i + 1] == '$' ? "$$" : "$";
    } else {
      continue;
    }
    const size_t inside = i + open.size();
    constexpr size_t kLongest = 2000;
    const size_t length = text.substr(inside, kLongest).find(close);
    if (length == kNone) {
      i = inside - 1;
      continue;
    }
    const std::string_view formula = text.substr(inside, length);
    if (open == "$" && is_prose(formula)) continue;
    found.push_back({i, inside + length + close.size(), formula});
    i = found.back().end - 1;
  }
  return found;
}

std::optional<TextSpan> last_number(std::string_view text) { return find_number(text, true); }
std::optional<TextSpan> first_number(std::string_view text) { return find_number(text, false); }

std::optional<std::string_view> after_answer_phrase(std::string_view text) {
  const auto lower = [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); };
  static const auto is_first = [] {
    std::array<bool, 256> table{};
    for (std::string_view phrase : kPhrases) table[static_cast<unsigned char>(phrase[0])] = true;
    return table;
  }();
  for (size_t i = text.size(); i-- > 0;) {  // from the end: the last one counts
    if (!is_first[static_cast<unsigned char>(lower(text[i]))]) continue;
    const std::string_view rest = text.substr(i);
    for (std::string_view phrase : kPhrases) {
      const bool is_here =
          phrase.size() <= rest.size() && std::equal(phrase.begin(), phrase.end(), rest.begin(),
                                                     [&](char a, char b) { return a == lower(b); });
      if (is_here) return rest.substr(phrase.size());
    }
  }
  return std::nullopt;
}

}  // namespace r1
