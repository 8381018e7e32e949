#include <algorithm>
#include <utility>

#include "math/parser.h"
#include "math/units.h"

namespace r1 {
namespace {

bool is_whole(const std::string& digits) {
  return !digits.empty() && digits.find_first_not_of("0123456789") == digits.npos;
}

/// 0.1(6) as a fraction: (16 - 1) / 90.
std::optional<Rational> repeating_decimal(std::string_view text) {
  const size_t open = text.find('('), point = text.find('.');
  const std::string_view fixed = text.substr(0, open);
  const std::string_view cycle = text.substr(open + 1, text.size() - open - 2);
  const auto base = Rational::from_decimal(fixed.ends_with('.') ? std::string(fixed) + "0" : fixed);
  const auto nines = Rational::from_decimal(std::string(cycle.size(), '9'));
  const auto digits = Rational::from_decimal(cycle);
  if (!base || !nines || !digits) return std::nullopt;
  const auto places = static_cast<int64_t>(open - point - 1);
  const auto scale = power(Rational(10), Rational(-places));
  const auto part = divide(*digits, *nines);
  if (!scale || !part) return std::nullopt;
  const auto tail = multiply(*part, *scale);
  return tail ? add(*base, *tail) : std::nullopt;
}

}  // namespace

int Parser::literal(const std::string& text) {
  if (text.find('(') != text.npos) {
    auto value = repeating_decimal(text);
    return value ? out_.number(std::move(*value)) : failed();
  }
  const size_t e = text.find('e');
  const std::string mantissa = text.substr(0, e);
  const size_t point = mantissa.find('.');
  auto value = Rational::from_decimal(mantissa);
  if (!value) return failed();
  Node node{.op = Op::kNumber, .value = std::move(*value)};
  if (point != mantissa.npos) {
    node.decimals = static_cast<int>(mantissa.size() - point - 1);
    const size_t first = mantissa.find_first_not_of("0.");
    node.digits = first == mantissa.npos ? 0 : static_cast<int>(mantissa.size() - first);
    if (first != mantissa.npos && first < point) --node.digits;
  }
  const int number = out_.add(std::move(node));
  if (e == text.npos) return number;
  const bool is_negative = text[e + 1] == '-';
  const auto size =
      Rational::from_decimal(text.substr(e + 1 + (is_negative || text[e + 1] == '+')));
  if (!size) return failed();
  int exponent = out_.number(*size);
  if (is_negative) exponent = out_.negative(exponent);
  return out_.product(number, out_.power(out_.number(Rational(10)), exponent));
}

int Parser::number_atom() {
  const std::string text = look().text;
  next();
  if (at_sign("_")) {  // 4210_7: digits in a base
    const size_t before = at_;
    next();
    const int base = single_argument();
    const auto value = has_failed() ? std::nullopt : out_[base].value.to_int64();
    if (value && *value >= 2 && *value <= 36 && is_whole(text)) {
      auto number = Rational::from_digits(text, static_cast<int>(*value));
      if (number) return out_.number(std::move(*number));
    }
    at_ = has_failed() ? at_ : before;
    return failed();
  }
  const int number = literal(text);
  return has_failed() || !is_whole(text) ? number : mixed(number);
}

/// 2\frac{5}{8} and 2 5/8 are sums; 2\frac{x}{3} is a product.
int Parser::mixed(int whole) {
  const size_t before = at_;
  const std::vector<Token> kept(
      tokens_.begin() + static_cast<std::ptrdiff_t>(at_),
      tokens_.begin() + static_cast<std::ptrdiff_t>(std::min(at_ + 8, tokens_.size())));
  int part = -1;
  if (at_command("frac")) {
    next();
    const int above = single_argument(), below = single_argument();
    if (!has_failed() && out_.is_number(above) && out_.is_number(below)) {
      part = out_.quotient(above, below);
    }
  } else if (look().type == Token::kNumber && look().spaced && is_whole(look().text) &&
             at_sign("/", 1) && look(2).type == Token::kNumber && is_whole(look(2).text)) {
    const int above = literal(look().text), below = literal(look(2).text);
    for (int i = 0; i < 3; ++i) next();
    part = out_.quotient(above, below);
  } else {
    return whole;
  }
  const bool is_proper = !has_failed() && part >= 0 && out_.is_number(part) &&
                         out_[part].value.sign() > 0 && out_[part].value < Rational(1);
  if (is_proper) return out_.sum(whole, part);
  if (has_failed()) return 0;
  at_ = before;
  std::copy(kept.begin(), kept.end(), tokens_.begin() + static_cast<std::ptrdiff_t>(at_));
  return whole;
}

int Parser::symbol(std::string name) {
  if (at_sign("_")) {
    next();
    const int index = single_argument();
    if (has_failed()) return 0;
    name += "_{" + out_.text_of(index) + "}";
  }
  while (skip_sign("'")) name += "'";
  if (name == "e" || name == "i") return out_.constant(std::move(name));
  const bool is_function = name == "f" || name == "g" || name == "h";
  if (is_function && at_sign("(")) {
    next();
    std::vector<int> args = items();
    if (!skip_sign(")")) return failed();
    return out_.call(std::move(name), std::move(args));
  }
  return out_.symbol(std::move(name));
}

int Parser::word_atom() {
  Token& token = tokens_[at_];
  const std::string word = token.text, lower = lower_case(word);
  if (is_function_name(word)) {
    next();
    return function(word);
  }
  if (lower == "pi" || lower == "infinity" || lower == "inf" || lower == "infty") {
    next();
    return out_.constant(lower == "pi" ? "pi" : "inf");
  }
  if (is_greek(word)) {
    next();
    return symbol(word);
  }
  const bool is_glued_function = word.size() == 4 && is_function_name(word.substr(0, 3));  // sinx
  if (is_glued_function) {
    token.text = word.substr(3);
    return function(word.substr(0, 3));
  }
  if (word.size() > 3) return text_atom();
  std::string first = word.substr(0, 1);
  if (word.size() == 1) {
    next();
  } else {
    token.text = word.substr(1);  // ab is a times b
    token.spaced = false;
  }
  return symbol(std::move(first));
}

int Parser::text_atom() {
  std::string words;
  while (look().type == Token::kText || (look().type == Token::kWord && !words.empty()) ||
         (look().type == Token::kWord && look().text.size() > 3)) {
    const std::string part = plain_words(look().text);
    if (part == "and" || part == "or") break;
    if (!part.empty()) words += (words.empty() ? "" : " ") + part;
    next();
  }
  return words.empty() ? failed() : out_.text(std::move(words));
}

int Parser::atom() {
  if (has_failed()) return 0;
  const Token& token = look();
  switch (token.type) {
    case Token::kNumber:
      return number_atom();
    case Token::kWord:
      return word_atom();
    case Token::kCommand:
      return command_atom();
    case Token::kText:
      if (is_function_name(token.text)) {
        const std::string name = token.text;
        next();
        return function(name);
      }
      return text_atom();
    case Token::kSign:
      break;
    case Token::kEnd:
      return failed();
  }
  if (token.text == "(" || token.text == "[" || token.text == "{") return bracketed();
  if (token.text == "\\{") return braced_set();
  if (token.text == "|" || token.text == "\\|") return bars();
  return failed();
}

/// ( … ), [ … ], { … }: one thing in brackets is that thing; several are a tuple or an interval.
int Parser::bracketed() {
  if (++depth_ > kMaxDepth) return failed();
  const std::string open = look().text;
  next();
  const int bars = std::exchange(open_bars_, 0);
  const bool was_in_set = std::exchange(in_set_, false);
  std::vector<int> inside = items();
  open_bars_ = bars;
  in_set_ = was_in_set;
  --depth_;
  if (has_failed()) return 0;
  const std::string close = look().text;
  const bool is_matched = open == "{" ? close == "}" : close == ")" || close == "]";
  if (look().type != Token::kSign || !is_matched) return failed();
  next();
  if (open == "{") {
    if (inside.empty()) return out_.text("");
    return inside.size() == 1 ? inside[0] : out_.node(Op::kSet, std::move(inside));
  }
  if (inside.empty()) return failed();
  if (inside.size() == 1 && ((open == "(") == (close == ")"))) return inside[0];
  return out_.add({.op = Op::kTuple, .name = open + close, .args = std::move(inside)});
}

int Parser::braced_set() {
  if (++depth_ > kMaxDepth) return failed();
  next();
  const bool has_bar = look(1).text == "|" || look(1).text == ":" || look(1).text == "in";
  const int bars = std::exchange(open_bars_, has_bar ? 1 : 0);
  const bool was_in_set = std::exchange(in_set_, has_bar);
  std::vector<int> inside = items();
  in_set_ = false;
  if (skip_sign("|") || skip_sign(":")) inside = items();  // {x | x > 2}: the condition says all
  in_set_ = was_in_set;
  open_bars_ = bars;
  --depth_;
  if (!skip_sign("\\}") && !skip_sign("}")) return failed();
  const bool is_condition = inside.size() == 1 && (out_[inside[0]].op == Op::kRelation ||
                                                   out_[inside[0]].op == Op::kChain);
  return is_condition ? inside[0] : out_.node(Op::kSet, std::move(inside));
}

int Parser::bars() {
  const std::string sign = look().text;
  next();
  ++open_bars_;
  const int inside = sum();
  --open_bars_;
  if (!skip_sign(sign)) return failed();
  return out_.call(sign == "|" ? "abs" : "norm", {inside});
}

int Parser::group_argument() {
  if (at_sign("{")) return bracketed();
  return atom();
}

int Parser::single_argument() {
  Token& token = tokens_[at_];
  if (token.type == Token::kNumber && token.text.size() > 1 && is_whole(token.text)) {
    const std::string first = token.text.substr(0, 1);
    token.text.erase(0, 1);
    token.spaced = false;
    return literal(first);
  }
  if (token.type == Token::kNumber) {
    const std::string all = token.text;
    next();
    return literal(all);
  }
  return group_argument();
}

int Parser::argument() {
  if (at_sign("(") || at_sign("{")) return bracketed();
  int total = factor();
  while (!has_failed() && starts_factor() && !at_unit_text()) {
    const Token& token = look();
    const bool is_function = token.type != Token::kNumber && is_function_name(token.text);
    if (is_function || at_sign("(")) break;
    total = out_.product(total, factor());
  }
  return total;
}

int Parser::function(const std::string& name) {
  if (++depth_ > kMaxDepth) return failed();
  int exponent = -1, base = -1;
  while (!has_failed() && (at_sign("^") || at_sign("_"))) {
    const bool is_power = at_sign("^");
    next();
    const bool is_negative = skip_sign("-");
    int value = single_argument();
    if (is_negative) value = out_.negative(value);
    (is_power ? exponent : base) = value;
  }
  const int inside = argument();
  --depth_;
  if (has_failed()) return 0;
  std::vector<int> args = {inside};
  if (out_[inside].op == Op::kSet) args = out_[inside].args;
  if (out_[inside].op == Op::kTuple) args = out_[inside].args;
  if (name == "sqrt") return out_.power(inside, out_.number(Rational(1, 2)));
  if (name == "exp") return out_.power(out_.constant("e"), inside);
  const bool is_logarithm = name == "log" || name == "ln" || name == "lg";
  if (is_logarithm && name != "ln" && base < 0) base = out_.number(Rational(10));
  const bool is_inverse = exponent >= 0 && out_.is_number(exponent) &&
                          out_[exponent].value == Rational(-1) && !is_logarithm;
  int result = out_.call(is_inverse ? "arc" + name : is_logarithm ? "ln" : name, std::move(args));
  if (base >= 0 && is_logarithm) result = out_.quotient(result, out_.call("ln", {base}));
  return exponent >= 0 && !is_inverse ? out_.power(result, exponent) : result;
}

/// \sum_{lower}^{upper} body: kept whole, and compared by its text.
int Parser::big_operator(const std::string& name) {
  std::vector<int> args;
  std::string bounds;
  while (!has_failed() && (at_sign("^") || at_sign("_"))) {
    bounds += look().text;
    next();
    args.push_back(single_argument());
  }
  args.push_back(term());
  return out_.call(name + bounds, std::move(args));
}

}  // namespace r1
