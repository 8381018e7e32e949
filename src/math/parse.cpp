#include "math/parse.h"

#include <algorithm>
#include <array>
#include <utility>

#include "math/parser.h"
#include "math/units.h"

namespace r1 {
namespace {

constexpr size_t kMaxText = 2000, kMaxTokens = 1500;
constexpr std::array<std::string_view, 11> kRelations = {
    "=", "!=", "<", ">", "<=", ">=", "in", "approx", "equiv", "sim", "Rightarrow"};

bool has_plus_minus(const Expressions& e, int id) {
  if (e[id].op == Op::kPlusMinus) return true;
  return std::any_of(e[id].args.begin(), e[id].args.end(),
                     [&](int arg) { return has_plus_minus(e, arg); });
}

/// The tree with every ± as its upper sign (or every one as its lower sign).
int choose_sign(Expressions& e, int id, bool is_upper) {
  Node node = e[id];
  if (node.op == Op::kPlusMinus) {
    const int inside = choose_sign(e, node.args[0], is_upper);
    return (node.name == "+") == is_upper ? inside : e.negative(inside);
  }
  if (node.args.empty()) return id;
  for (int& arg : node.args) arg = choose_sign(e, arg, is_upper);
  if (node.op == Op::kSum || node.op == Op::kProduct) {
    int total = node.args[0];
    for (size_t i = 1; i < node.args.size(); ++i) {
      total = node.op == Op::kSum ? e.sum(total, node.args[i]) : e.product(total, node.args[i]);
    }
    return total;
  }
  return e.add(std::move(node));
}

/// "No solution": words and nothing else; not "x and y", nor "C Cecile".
std::string all_words(const std::vector<Token>& tokens) {
  std::string words;
  bool has_long = false;
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    const Token& token = tokens[i];
    const std::string part = plain_words(token.text);
    const bool is_word = token.type == Token::kWord || token.type == Token::kText;
    if (!is_word || part.size() < 2 || part == "and" || part == "or" || i > 8 ||
        is_function_name(token.text) || is_greek(token.text) || part == "pi") {
      return "";
    }
    has_long = has_long || part.size() > 3;
    words += (words.empty() ? "" : " ") + part;
  }
  return has_long ? words : "";
}

}  // namespace

bool Parser::skip_sign(std::string_view text) {
  if (!at_sign(text)) return false;
  next();
  return true;
}

bool Parser::skip_command(std::string_view name) {
  if (!at_command(name)) return false;
  next();
  return true;
}

bool Parser::skip_word_separator() {
  Token& token = tokens_[at_];
  if (token.type == Token::kText || token.type == Token::kWord) {
    const std::string word = plain_words(token.text);
    if (word == "and" || word == "or") {
      next();
      return true;
    }
    for (std::string_view prefix : {"or", "and"}) {  // 1orW(x)
      const bool is_glued = token.text.size() > prefix.size() && token.text.starts_with(prefix) &&
                            token.text[prefix.size()] >= 'A' && token.text[prefix.size()] <= 'Z';
      if (is_glued) {
        token.text.erase(0, prefix.size());
        return true;
      }
    }
  }
  return skip_command("land") || skip_command("lor");
}

bool Parser::skip_separator() {
  bool found = false;
  while (skip_sign(",") || skip_sign(";") || skip_sign("\\\\") || skip_sign("&") ||
         skip_word_separator()) {
    found = true;
  }
  return found;
}

void Parser::push_item(std::vector<int>& items, int item) {
  if (!has_failed() && has_plus_minus(out_, item)) {
    items.push_back(choose_sign(out_, item, true));
    items.push_back(choose_sign(out_, item, false));
  } else {
    items.push_back(item);
  }
}

bool Parser::at_close() const {
  const Token& token = look();
  if (token.type == Token::kEnd) return true;
  if (token.type == Token::kCommand) return token.text == "end" || token.text == "rangle";
  if (in_set_ && token.type == Token::kSign && (token.text == "|" || token.text == ":"))
    return true;
  return token.type == Token::kSign &&
         (token.text == ")" || token.text == "]" || token.text == "}" || token.text == "\\}");
}

std::vector<int> Parser::items() {
  std::vector<int> items;
  skip_separator();
  while (!has_failed() && !at_close()) {
    push_item(items, relation());
    if (at_close()) break;
    if (skip_sign(".") || skip_sign(":")) continue;
    if (!skip_separator()) failed();
  }
  return items;
}

int Parser::answer() {
  std::vector<int> found = items();
  if (has_failed() || found.empty() || look().type != Token::kEnd) return failed();
  return found.size() == 1 ? found[0] : out_.node(Op::kList, std::move(found));
}

std::string Parser::relation_sign() {
  const Token& token = look();
  if (token.type != Token::kSign && token.type != Token::kCommand) return "";
  const auto found = std::find(kRelations.begin(), kRelations.end(), token.text);
  if (found == kRelations.end()) return "";
  next();
  return std::string(*found);
}

int Parser::relation() {
  std::vector<int> parts = {set_expression()};
  std::vector<std::string> signs;
  bool is_kept = true;  // not behind an approximate equality
  while (!has_failed()) {
    const std::string sign = relation_sign();
    if (sign.empty()) break;
    is_kept = is_kept && sign != "approx" && sign != "sim";
    const int part = set_expression();
    if (sign == "Rightarrow") {
      parts = {part};
      signs.clear();
    } else if (is_kept) {
      parts.push_back(part);
      signs.push_back(sign == "equiv" ? "=" : sign);
    }
  }
  return combine(std::move(parts), signs);
}

int Parser::combine(std::vector<int> parts, const std::vector<std::string>& signs) {
  if (signs.empty()) return parts[0];
  if (std::find(signs.begin(), signs.end(), "in") != signs.end()) return parts.back();
  const auto make = [&](int left, const std::string& sign, int right) {
    return out_.add({.op = Op::kRelation, .name = sign, .args = {left, right}});
  };
  const bool is_equation =
      std::all_of(signs.begin(), signs.end(), [](const auto& sign) { return sign == "="; });
  if (is_equation) return make(parts.front(), "=", parts.back());  // x = 1 + 1 = 2
  std::vector<int> links;
  for (size_t i = 0; i < signs.size(); ++i) {
    links.push_back(make(parts[i], signs[i], parts[i + 1]));
  }
  return links.size() == 1 ? links[0] : out_.node(Op::kChain, std::move(links));
}

int Parser::set_expression() {
  int left = sum();
  while (!has_failed()) {
    Op op;
    if (skip_command("cup")) {
      op = Op::kUnion;
    } else if (look().type == Token::kWord && look().text == "U" &&
               (out_[left].op == Op::kTuple || out_[left].op == Op::kUnion)) {
      op = Op::kUnion;
      next();
    } else if (skip_command("cap")) {
      op = Op::kIntersection;
    } else if (skip_command("setminus") || skip_command("backslash")) {
      op = Op::kDifference;
    } else if (!in_set_ && skip_sign(":")) {
      op = Op::kRatio;
      if (at_close()) return left;
    } else {
      break;
    }
    const int right = sum();
    if (out_[left].op == op && op != Op::kDifference) {
      Node longer = out_[left];
      longer.args.push_back(right);
      left = out_.add(std::move(longer));
    } else {
      left = out_.node(op, {left, right});
    }
  }
  return left;
}

int Parser::sum() {
  if (++depth_ > kMaxDepth) return failed();
  int total = -1;
  while (!has_failed()) {
    bool is_pm = false, is_upper = true, is_negative = false, found = false;
    while (true) {  // x - -1
      if (skip_sign("-")) {
        is_negative = !is_negative;
      } else if (skip_command("pm") || skip_command("mp")) {
        is_pm = true;
        is_upper = tokens_[at_ - 1].text == "pm";
      } else if (!skip_sign("+")) {
        break;
      }
      found = true;
    }
    if (total >= 0 && !found) break;
    int part = term();
    if (is_negative) part = out_.negative(part);
    if (is_pm)
      part = out_.add(
          {.op = Op::kPlusMinus, .name = std::string(1, is_upper ? '+' : '-'), .args = {part}});
    total = total < 0 ? part : out_.sum(total, part);
  }
  --depth_;
  return std::max(total, 0);
}

int Parser::term() {
  int total = factor();
  while (!has_failed()) {
    if (skip_sign("*")) {
      total = out_.product(total, factor());
    } else if (skip_sign("/")) {
      total = out_.quotient(total, factor());
    } else if (skip_command("bmod") || skip_command("mod")) {
      total = out_.call("mod", {total, factor()});
    } else if (skip_command("pmod")) {
      single_argument();  // 3 (mod 7): the residue is the answer
    } else if (at_unit_text()) {
      total = quantity(total);
    } else if (starts_factor()) {
      total = out_.product(total, factor());
    } else {
      break;
    }
  }
  return total;
}

int Parser::factor() {
  if (++depth_ > kMaxDepth) return failed();
  int result;
  if (skip_sign("-")) {
    result = out_.negative(factor());
  } else if (skip_sign("+")) {
    result = factor();
  } else {
    result = postfix(atom());
  }
  --depth_;
  return result;
}

bool Parser::starts_factor() const {
  const Token& token = look();
  switch (token.type) {
    case Token::kNumber:
      return true;
    case Token::kWord: {
      const std::string word = lower_case(token.text);
      const bool is_glue = word == "and" || word == "or" || word == "in" ||
                           (token.text == "U" && at_sign("(", 1)) ||
                           (token.text == "U" && at_sign("[", 1)) ||
                           (token.text.starts_with("or") && token.text.size() < 5 &&
                            token.text.size() > 2 && token.text[2] < 'a');
      return !is_glue;
    }
    case Token::kText:
      return is_function_name(token.text);
    case Token::kSign:
      return token.text == "(" || token.text == "{" || (token.text == "|" && open_bars_ == 0);
    case Token::kCommand: {
      static constexpr std::array<std::string_view, 22> kStops = {
          "cup",  "cap",    "setminus",  "pm",         "mp",    "in",     "approx", "equiv",
          "sim",  "end",    "rfloor",    "land",       "rceil", "lor",    "bmod",   "mod",
          "pmod", "rangle", "backslash", "Rightarrow", "to",    "implies"};
      return std::find(kStops.begin(), kStops.end(), token.text) == kStops.end();
    }
    case Token::kEnd:
      return false;
  }
  return false;
}

std::optional<int> parse_answer(Expressions& out, std::string_view text, Comma comma) {
  if (text.size() > kMaxText) return std::nullopt;
  std::vector<Token> tokens = tokenize(text, comma, kMaxTokens);
  while (tokens.size() > 1) {  // a full stop at the end
    const Token& last = tokens[tokens.size() - 2];
    const bool is_stop =
        last.type == Token::kSign && (last.text == "." || last.text == "," || last.text == ";" ||
                                      last.text == ":" || last.text == "*");
    if (!is_stop) break;
    tokens.erase(tokens.end() - 2);
  }
  if (tokens.size() < 2 || tokens.size() > kMaxTokens) return std::nullopt;
  if (std::string words = all_words(tokens); tokens.size() > 2 && !words.empty()) {
    return out.text(std::move(words));
  }
  Parser parser(out, std::move(tokens));
  const int root = parser.answer();
  if (parser.has_failed()) return std::nullopt;
  return root;
}

}  // namespace r1
