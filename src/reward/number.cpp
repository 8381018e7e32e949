#include "reward/number.h"

#include <algorithm>
#include <utility>

#include "reward/text_scan.h"

namespace r1 {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Reads a number from the front of a text; every step says whether it found what it looks for.
class NumberReader {
 public:
  explicit NumberReader(std::string_view text) : rest_(text) {}

  std::optional<Rational> read_all() {
    const bool negative = read_sign();
    const bool has_currency = skip("\\$") || skip("$");
    const bool inner_negative = has_currency && read_sign();
    auto value = skip_fraction_command() ? read_latex_fraction() : read_plain();
    skip("\\%") || skip("%");
    skip_space();
    if (!value || !rest_.empty()) return std::nullopt;
    return with_sign(std::move(value), negative != inner_negative);
  }

 private:
  void skip_space() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(kAsciiSpace), rest_.size()));
  }

  bool skip(std::string_view word) {
    skip_space();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  bool read_sign() {
    if (skip("+")) return false;
    return skip("-") || skip("\u2212");
  }

  static std::optional<Rational> with_sign(std::optional<Rational> value, bool is_negative) {
    return value && is_negative ? subtract(Rational(), *value) : value;
  }

  /// Digits; commas only where they mark thousands: 1,234,567. Without them; "" where there are
  /// none.
  std::string read_whole() {
    skip_space();
    std::string digits;
    size_t since_comma = 0;
    bool has_comma = false;
    while (!rest_.empty()) {
      if (is_digit(rest_[0])) {
        if (has_comma && since_comma == 3) return "";
        digits.push_back(rest_[0]);
        ++since_comma;
      } else if (rest_[0] == ',' &&
                 (has_comma ? since_comma == 3 : !digits.empty() && digits.size() <= 3)) {
        has_comma = true;
        since_comma = 0;
      } else {
        break;
      }
      rest_.remove_prefix(1);
    }
    return has_comma && since_comma != 3 ? "" : digits;
  }

  /// The digits after a point, of which those at the end that are 0 say nothing.
  std::optional<Rational> read_decimals(std::string text) {
    const size_t n = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    const std::string_view digits = rest_.substr(0, n);
    rest_.remove_prefix(n);
    if (n == 0) return std::nullopt;
    text.push_back('.');
    text.append(digits.substr(0, digits.find_last_not_of('0') + 1));
    return Rational::from_decimal(text);
  }

  /// 12  1,234.5  .5  3/4
  std::optional<Rational> read_plain() {
    skip_space();
    if (rest_.starts_with('.')) {
      rest_.remove_prefix(1);
      return read_decimals("0");
    }
    const std::string whole = read_whole();
    if (whole.empty()) return std::nullopt;
    if (rest_.size() > 1 && rest_[0] == '.' && is_digit(rest_[1])) {
      rest_.remove_prefix(1);
      return read_decimals(whole);
    }
    if (!skip("/")) return Rational::from_decimal(whole);
    return ratio(whole, read_whole());
  }

  static std::optional<Rational> ratio(const std::string& above, const std::string& below) {
    const auto a = Rational::from_decimal(above), b = Rational::from_decimal(below);
    return a && b ? divide(*a, *b) : std::nullopt;
  }

  bool skip_fraction_command() { return skip("\\frac") || skip("\\dfrac") || skip("\\tfrac"); }

  /// {3}{4}
  std::optional<Rational> read_latex_fraction() {
    if (!skip("{")) return std::nullopt;
    const bool negative = read_sign();
    const std::string above = read_whole();
    if (!skip("}") || !skip("{")) return std::nullopt;
    const bool below_negative = read_sign();
    const std::string below = read_whole();
    if (!skip("}")) return std::nullopt;
    return with_sign(ratio(above, below), negative != below_negative);
  }

  std::string_view rest_;
};

/// Takes off what stands around an answer: $…$, \(…\), \[…\], space and a full stop.
std::string_view unwrap(std::string_view text) {
  text = trim_space(text);
  if (text.size() > 1 && text.ends_with('.')) text = trim_space(text.substr(0, text.size() - 1));
  for (auto [open, close] : {std::pair{"$$", "$$"}, {"$", "$"}, {"\\(", "\\)"}, {"\\[", "\\]"}}) {
    const std::string_view before = open, after = close;
    if (text.size() > before.size() + after.size() && text.starts_with(before) &&
        text.ends_with(after)) {
      text = trim_space(text.substr(before.size(), text.size() - before.size() - after.size()));
    }
  }
  return text;
}

}  // namespace

std::optional<Rational> parse_number(std::string_view text) {
  return NumberReader(unwrap(text)).read_all();
}

std::string canonical_answer(std::string_view answer) {
  const auto number = parse_number(answer);
  return number ? number->text() : std::string(unwrap(answer));
}

bool answers_equal(std::string_view answer, std::string_view reference) {
  const auto a = parse_number(answer), b = parse_number(reference);
  if (a && b) return *a == *b;
  const std::string_view text = unwrap(answer);
  return !text.empty() && text == unwrap(reference);
}

}  // namespace r1
