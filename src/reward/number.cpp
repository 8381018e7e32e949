#include "reward/number.h"

#include <algorithm>
#include <utility>

#include "reward/text_scan.h"

namespace r1 {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

__int128 greatest_common_divisor(__int128 a, __int128 b) {
  while (b != 0) {
    const __int128 rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/// Reads a number from the front of a text; every step says whether it found what it looks for.
class NumberReader {
 public:
  explicit NumberReader(std::string_view text) : rest_(text) {}

  std::optional<Rational> read_all() {
    const bool negative = read_sign();
    const bool has_currency = skip("\\$") || skip("$");
    const bool inner_negative = has_currency && read_sign();
    Rational value;
    if (!(skip_fraction_command() ? read_latex_fraction(value) : read_plain(value))) {
      return std::nullopt;
    }
    skip("\\%") || skip("%");
    skip_space();
    if (!rest_.empty()) return std::nullopt;
    if (negative != inner_negative) value.numerator = -value.numerator;
    const __int128 n = value.numerator;
    const __int128 divisor = greatest_common_divisor(n < 0 ? -n : n, value.denominator);
    return Rational{n / divisor, value.denominator / divisor};
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

  bool push_digit(Rational& value, char digit) {
    return !__builtin_mul_overflow(value.numerator, __int128{10}, &value.numerator) &&
           !__builtin_add_overflow(value.numerator, __int128{digit - '0'}, &value.numerator);
  }

  /// Digits; commas only where they mark thousands: 1,234,567.
  bool read_whole(Rational& value) {
    skip_space();
    size_t n = 0, since_comma = 0;
    bool has_comma = false;
    while (!rest_.empty()) {
      if (is_digit(rest_[0])) {
        if (has_comma && since_comma == 3) return false;
        if (!push_digit(value, rest_[0])) return false;
        ++n;
        ++since_comma;
      } else if (rest_[0] == ',' && (has_comma ? since_comma == 3 : n >= 1 && n <= 3)) {
        has_comma = true;
        since_comma = 0;
      } else {
        break;
      }
      rest_.remove_prefix(1);
    }
    return n > 0 && (!has_comma || since_comma == 3);
  }

  bool read_decimals(Rational& value) {
    const size_t n = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    const std::string_view digits = rest_.substr(0, n);
    rest_.remove_prefix(n);
    for (char digit : digits.substr(0, digits.find_last_not_of('0') + 1)) {
      if (!push_digit(value, digit) ||
          __builtin_mul_overflow(value.denominator, __int128{10}, &value.denominator)) {
        return false;
      }
    }
    return n > 0;
  }

  /// 12  1,234.5  .5  3/4
  bool read_plain(Rational& value) {
    skip_space();
    if (rest_.starts_with('.')) {
      rest_.remove_prefix(1);
      return read_decimals(value);
    }
    if (!read_whole(value)) return false;
    if (rest_.size() > 1 && rest_[0] == '.' && is_digit(rest_[1])) {
      rest_.remove_prefix(1);
      return read_decimals(value);
    }
    if (!skip("/")) return true;
    Rational below;
    if (!read_whole(below) || below.numerator == 0) return false;
    value.denominator = below.numerator;
    return true;
  }

  bool skip_fraction_command() { return skip("\\frac") || skip("\\dfrac") || skip("\\tfrac"); }

  /// {3}{4}
  bool read_latex_fraction(Rational& value) {
    Rational below;
    if (!skip("{")) return false;
    const bool negative = read_sign();
    if (!read_whole(value) || !skip("}") || !skip("{")) return false;
    const bool below_negative = read_sign();
    if (!read_whole(below) || !skip("}") || below.numerator == 0) return false;
    if (negative != below_negative) value.numerator = -value.numerator;
    value.denominator = below.numerator;
    return true;
  }

  std::string_view rest_;
};

std::string decimal_text(__int128 value) {
  if (value == 0) return "0";
  const bool negative = value < 0;
  std::string text;
  for (; value != 0; value /= 10) {
    const int digit = static_cast<int>(value % 10);
    text.insert(text.begin(), static_cast<char>('0' + (negative ? -digit : digit)));
  }
  return negative ? "-" + text : text;
}

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
  if (!number) return std::string(unwrap(answer));
  if (number->denominator == 1) return decimal_text(number->numerator);
  return decimal_text(number->numerator) + "/" + decimal_text(number->denominator);
}

bool answers_equal(std::string_view answer, std::string_view reference) {
  const auto a = parse_number(answer), b = parse_number(reference);
  if (a && b) return *a == *b;
  const std::string_view text = unwrap(answer);
  return !text.empty() && text == unwrap(reference);
}

}  // namespace r1
