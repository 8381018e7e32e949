#include <algorithm>
#include <utility>

#include "math/parser.h"
#include "math/units.h"

namespace r1 {

int Parser::postfix(int base) {
  while (!has_failed()) {
    if (skip_sign("^o")) {
      base = out_.node(Op::kDegrees, {base});
    } else if (at_sign("^") && at_sign("^o", 1)) {
      next();
    } else if (at_sign("^") && at_sign("{", 1) && at_sign("^o", 2) && at_sign("}", 3)) {
      for (int i = 0; i < 4; ++i) next();
      base = out_.node(Op::kDegrees, {base});
    } else if (skip_sign("^")) {
      base = power_of(base);
    } else if (skip_sign("!")) {
      base = out_.call("factorial", {base});
    } else if (skip_sign("%")) {
      base = out_.node(Op::kPercent, {base});
    } else {
      break;
    }
  }
  return base;
}

int Parser::power_of(int base) {
  if (++depth_ > kMaxDepth) return failed();
  int exponent;
  if (skip_sign("-")) {
    exponent = out_.negative(atom());
  } else {
    exponent = atom();
  }
  if (skip_sign("^")) exponent = power_of(exponent);  // to the right: 2^3^2 is 2^9
  --depth_;
  if (has_failed()) return 0;
  const Node& from = out_[base];  // C_5^2: of five choose two
  if (from.op == Op::kSymbol && from.name.starts_with("C_{") && out_.is_number(exponent)) {
    const auto n = Rational::from_digits(from.name.substr(3, from.name.size() - 4), 10);
    if (n) return out_.call("binom", {out_.number(*n), exponent});
  }
  return out_.power(base, exponent);
}

bool Parser::at_unit_text() const {
  const Token& token = look();
  if (token.type == Token::kText) {
    const std::string word = plain_words(token.text);
    return word != "and" && word != "or" && !is_function_name(word);
  }
  if (token.type != Token::kWord || token.text.size() < 2) return false;
  const std::string word = lower_case(token.text);
  if (word == "and" || word == "or" || word == "in" || is_function_name(token.text)) return false;
  if (token.text.starts_with("or") && token.text.size() < 5 && token.text[2] < 'a') return false;
  if (is_greek(token.text) || word == "pi" || word == "mod" || word == "infinity") return false;
  return !unit_of(word).empty() || token.text.size() > 3;
}

/// The words behind a value: a unit with its exponent, or a name for what is counted.
int Parser::quantity(int base) {
  std::string unit;
  while (at_unit_text()) {
    const std::string plain = plain_words(look().text);
    for (size_t from = 0; from < plain.size();) {
      const size_t end = std::min(plain.find(' ', from), plain.size());
      const std::string word = plain.substr(from, end - from), name = unit_of(word);
      unit += (unit.empty() ? "" : " ") + (name.empty() ? word : name);
      from = end + 1;
    }
    next();
    if (skip_sign("^") && !has_failed()) {
      const int exponent = single_argument();
      if (!has_failed()) unit += "^" + out_.text_of(exponent);
    }
    if (at_sign("/") && (look(1).type == Token::kText || look(1).type == Token::kWord)) {
      next();
      unit += "/";
      if (!at_unit_text()) return out_.add({.op = Op::kQuantity, .name = unit, .args = {base}});
    }
  }
  if (unit == "%") return out_.node(Op::kPercent, {base});
  if (unit == "degree") return out_.node(Op::kDegrees, {base});
  if (unit.empty()) return base;
  return out_.add({.op = Op::kQuantity, .name = unit, .args = {base}});
}

}  // namespace r1
