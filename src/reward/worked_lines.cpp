#include "reward/worked_lines.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>

#include "base/field_text.h"
#include "data/last_digit.h"

namespace r1 {
namespace {

constexpr std::array<std::string_view, 12> kDoubt = {"wait",     "wrong", "mistake", "error",
                                                     "actually", "hmm",   "oops",    "retry",
                                                     "attends",  "faux",  "erreur",  "trompé"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (static_cast<unsigned char>(c) & 0x80);
}

/// Walks over a text from number to sign to number.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  size_t at = 0;

  bool at_end() const { return at >= text_.size(); }
  void skip_spaces() {
    while (!at_end() && text_[at] == ' ') ++at;
  }

  /// 12, -3, 2.5, 3/4; nothing moves where there is none.
  std::optional<double> number() {
    size_t i = at;
    const bool is_negative = i < text_.size() && text_[i] == '-';
    i += is_negative;
    const auto digits = [&]() -> std::optional<double> {
      const size_t begin = i;
      while (i < text_.size() &&
             (is_digit(text_[i]) ||
              (text_[i] == '.' && i > begin && i + 1 < text_.size() && is_digit(text_[i + 1]))))
        ++i;
      if (i == begin) return std::nullopt;
      const auto value = parse_number<double>(text_.substr(begin, i - begin));
      return value ? std::optional(*value) : std::nullopt;
    };
    auto value = digits();
    if (!value) return std::nullopt;
    if (i + 1 < text_.size() && text_[i] == '/' && is_digit(text_[i + 1])) {
      ++i;
      const auto below = digits();
      if (!below || *below == 0) return std::nullopt;
      *value /= *below;
    }
    at = i;
    return is_negative ? -*value : *value;
  }

  char sign() {
    static constexpr std::array<std::pair<std::string_view, char>, 10> kSigns = {
        {{"+", '+'},
         {"-", '-'},
         {"*", '*'},
         {"/", '/'},
         {"^", '^'},
         {"×", '*'},
         {"·", '*'},
         {"÷", '/'},
         {"−", '-'},
         {"\\times", '*'}}};
    for (const auto& [text, op] : kSigns) {
      if (!text_.substr(at).starts_with(text)) continue;
      at += text.size();
      return op;
    }
    return 0;
  }

  bool take(char c) {
    if (at_end() || text_[at] != c) return false;
    ++at;
    return true;
  }

  /// Whether a sign, and so more of a sum, stands before this place.
  bool follows_sign(size_t place) const {
    while (place > 0 && text_[place - 1] == ' ') --place;
    return place > 0 &&
           std::string_view("+-*/^=(").find(text_[place - 1]) != std::string_view::npos;
  }

 private:
  std::string_view text_;
};

bool is_true(const WorkedLine& line, Arithmetic arithmetic) {
  if (arithmetic == Arithmetic::kLastDigit) {
    const bool is_simple = line.op == '+' || line.op == '-' || line.op == '*';
    const auto is_one_digit = [](double x) { return x >= 0 && x <= 9 && x == std::floor(x); };
    return is_simple && is_one_digit(line.a) && is_one_digit(line.b) &&
           last_digit_of(line.op, static_cast<int>(line.a), static_cast<int>(line.b)) ==
               line.result;
  }
  double value = 0;
  switch (line.op) {
    case '+':
      value = line.a + line.b;
      break;
    case '-':
      value = line.a - line.b;
      break;
    case '*':
      value = line.a * line.b;
      break;
    case '/':
      value = line.a / line.b;
      break;
    default:
      value = std::pow(line.a, line.b);
  }
  return std::isfinite(value) &&
         std::abs(value - line.result) <= 1e-9 * std::max(1.0, std::abs(value));
}

std::optional<WorkedLine> read_line(Reader& reader) {
  const size_t begin = reader.at;
  if (reader.follows_sign(begin)) return std::nullopt;
  WorkedLine line;
  const auto a = reader.number();
  if (!a) return std::nullopt;
  reader.skip_spaces();
  line.op = reader.sign();
  if (line.op == 0) return std::nullopt;
  reader.skip_spaces();
  const auto b = reader.number();
  if (!b) return std::nullopt;
  reader.skip_spaces();
  if (!reader.take('=')) return std::nullopt;
  reader.skip_spaces();
  const auto result = reader.number();
  if (!result) return std::nullopt;
  line.a = *a, line.b = *b, line.result = *result;
  line.left = number_text(*a) + " " + line.op + " " + number_text(*b);
  return line;
}

}  // namespace

std::vector<std::string> lower_words(std::string_view text) {
  std::vector<std::string> words;
  for (size_t i = 0; i < text.size();) {
    if (!is_letter(text[i])) {
      ++i;
      continue;
    }
    std::string& word = words.emplace_back();
    for (; i < text.size() && is_letter(text[i]); ++i)
      word += text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
  }
  return words;
}

bool has_doubt(std::string_view text) {
  const std::vector<std::string> words = lower_words(text);
  return std::find_first_of(words.begin(), words.end(), kDoubt.begin(), kDoubt.end()) !=
         words.end();
}

std::vector<WorkedLine> worked_lines(std::string_view text, Arithmetic arithmetic) {
  std::vector<WorkedLine> lines;
  Reader reader(text);
  size_t last = 0;
  while (!reader.at_end()) {
    const char c = text[reader.at];
    const bool begins = is_digit(c) || c == '-';
    const bool is_inside =
        reader.at > 0 && (is_letter(text[reader.at - 1]) || is_digit(text[reader.at - 1]));
    if (!begins || is_inside) {
      ++reader.at;
      continue;
    }
    const size_t begin = reader.at;
    auto line = read_line(reader);
    if (!line) {
      reader.at = begin + 1;
      continue;
    }
    line->is_right = is_true(*line, arithmetic);
    line->is_doubted = has_doubt(text.substr(last, begin - last));
    last = reader.at;
    lines.push_back(std::move(*line));
  }
  return lines;
}

Corrections count_corrections(const std::vector<WorkedLine>& lines) {
  Corrections corrections;
  std::map<std::string, const WorkedLine*> said;
  for (const WorkedLine& line : lines) {
    const auto before = said.find(line.left);
    if (before != said.end() && line.is_doubted && before->second->result != line.result) {
      const bool was_right = before->second->is_right;
      corrections.n_rescues += !was_right && line.is_right;
      corrections.n_breaks += was_right && !line.is_right;
      corrections.n_futile += !was_right && !line.is_right;
    }
    said[line.left] = &line;
  }
  return corrections;
}

}  // namespace r1
