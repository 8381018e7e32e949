#include "text/jinja_expression.h"

#include <fmt/core.h>

#include <charconv>
#include <optional>

namespace r1::jinja {
namespace {

using Kind = Token::Kind;
constexpr int kMaxDepth = 100, kMaxLinks = 600;

/// Words that end an expression where a value could stand.
bool is_keyword(const std::string& name) {
  for (const char* word : {"if", "else", "and", "or", "in", "is", "recursive"}) {
    if (name == word) return true;
  }
  return false;
}

std::optional<Value> constant(const std::string& name) {
  if (name == "true" || name == "True") return Value(true);
  if (name == "false" || name == "False") return Value(false);
  if (name == "none" || name == "None") return Value(None{});
  return std::nullopt;
}

}  // namespace

const Token& ExpressionParser::peek(size_t ahead) const {
  return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
}

Token ExpressionParser::take() {
  Token token = peek();
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool ExpressionParser::is_operator(const char* text) const {
  return peek().kind == Kind::kOperator && peek().text == text;
}

bool ExpressionParser::accept(const char* op) {
  if (!is_operator(op)) return false;
  take();
  return true;
}

bool ExpressionParser::accept_name(const char* name) {
  if (peek().kind != Kind::kName || peek().text != name) return false;
  take();
  return true;
}

Token ExpressionParser::expect(Kind kind, const char* what) {
  if (peek().kind != kind) stop(fmt::format("expected {}", what));
  return take();
}

void ExpressionParser::expect_operator(const char* text) {
  if (!accept(text)) stop(fmt::format("expected {}", text));
}

void ExpressionParser::stop(const std::string& message) const {
  const std::string& found = peek().text;
  throw TemplateError{peek().line, found.empty() || peek().kind == Kind::kText
                                       ? message
                                       : fmt::format("{} (at \"{:.40}\")", message, found)};
}

ExprPtr ExpressionParser::make(Expr::Kind kind, std::string name) const {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->line = peek().line;
  expr->name = std::move(name);
  return expr;
}

ExprPtr ExpressionParser::binary(std::string name, ExprPtr left, ExprPtr right) {
  if (++n_links_ > kMaxLinks) stop("the expression is too long");
  ExprPtr expr = make(Expr::Kind::kBinary, std::move(name));
  expr->line = left->line;
  expr->kids.push_back(std::move(left));
  expr->kids.push_back(std::move(right));
  return expr;
}

ExprPtr ExpressionParser::parse_expression() {
  if (depth_ == 0) n_links_ = 0;
  if (++depth_ > kMaxDepth) stop("expressions are nested too deeply");
  ExprPtr expr = parse_or();
  while (accept_name("if")) {
    if (++n_links_ > kMaxLinks) stop("the expression is too long");
    ExprPtr choice = make(Expr::Kind::kInlineIf);
    choice->kids.push_back(std::move(expr));
    choice->kids.push_back(parse_or());
    choice->kids.push_back(accept_name("else") ? parse_expression() : nullptr);
    expr = std::move(choice);
  }
  --depth_;
  return expr;
}

ExprPtr ExpressionParser::parse_list_of(Level item) {
  ExprPtr first = (this->*item)();
  if (!is_operator(",")) return first;
  ExprPtr list = make(Expr::Kind::kList);
  list->kids.push_back(std::move(first));
  while (accept(",")) {
    const bool is_over =
        peek().kind == Kind::kBlockEnd || peek().kind == Kind::kPrintEnd || is_operator(")");
    if (is_over) break;
    list->kids.push_back((this->*item)());
  }
  return list;
}

ExprPtr ExpressionParser::parse_tuple() {
  return parse_list_of(&ExpressionParser::parse_expression);
}
ExprPtr ExpressionParser::parse_or_tuple() {
  n_links_ = 0;
  return parse_list_of(&ExpressionParser::parse_or);
}

ExprPtr ExpressionParser::parse_or() {
  ExprPtr expr = parse_and();
  while (accept_name("or")) expr = binary("or", std::move(expr), parse_and());
  return expr;
}

ExprPtr ExpressionParser::parse_and() {
  ExprPtr expr = parse_not();
  while (accept_name("and")) expr = binary("and", std::move(expr), parse_not());
  return expr;
}

ExprPtr ExpressionParser::parse_not() {
  if (!accept_name("not")) return parse_comparison();
  if (++depth_ > kMaxDepth) stop("expressions are nested too deeply");
  ExprPtr expr = make(Expr::Kind::kUnary, "not");
  expr->kids.push_back(parse_not());
  --depth_;
  return expr;
}

/// No known template chains comparisons (a < b < c), so a second one is refused rather than
/// misread.
ExprPtr ExpressionParser::parse_comparison() {
  ExprPtr expr = parse_sum();
  std::string name;
  for (const char* op : {"==", "!=", "<=", ">=", "<", ">"}) {
    if (name.empty() && accept(op)) name = op;
  }
  if (name.empty() && accept_name("in")) name = "in";
  if (name.empty() && peek().text == "not" && peek(1).text == "in") {
    take();
    take();
    name = "not in";
  }
  if (name.empty()) return expr;
  expr = binary(name, std::move(expr), parse_sum());
  for (const char* op : {"==", "!=", "<=", ">=", "<", ">"}) {
    if (is_operator(op)) stop("chained comparisons are not supported, use and");
  }
  return expr;
}

ExprPtr ExpressionParser::parse_chain(Level next, std::initializer_list<const char*> operators) {
  ExprPtr expr = (this->*next)();
  for (;;) {
    std::string name;
    for (const char* op : operators) {
      if (name.empty() && accept(op)) name = op;
    }
    if (name.empty()) return expr;
    expr = binary(name, std::move(expr), (this->*next)());
  }
}

ExprPtr ExpressionParser::parse_sum() {
  return parse_chain(&ExpressionParser::parse_concat, {"+", "-"});
}
ExprPtr ExpressionParser::parse_concat() {
  return parse_chain(&ExpressionParser::parse_product, {"~"});
}
ExprPtr ExpressionParser::parse_product() {
  return parse_chain(&ExpressionParser::parse_unary, {"*", "//", "/", "%"});
}

ExprPtr ExpressionParser::parse_unary() {
  for (const char* sign : {"-", "+"}) {
    if (!accept(sign)) continue;
    if (++depth_ > kMaxDepth) stop("expressions are nested too deeply");
    ExprPtr expr = make(Expr::Kind::kUnary, sign);
    expr->kids.push_back(parse_unary());
    --depth_;
    return parse_filters(std::move(expr));
  }
  return parse_filters(parse_postfix(parse_primary()));
}

ExprPtr ExpressionParser::parse_postfix(ExprPtr expr) {
  for (;;) {
    if (++n_links_ > kMaxLinks) stop("the expression is too long");
    if (accept(".")) {
      const bool is_index = peek().kind == Kind::kInteger;
      if (!is_index && peek().kind != Kind::kName) stop("expected an attribute");
      ExprPtr attribute = make(Expr::Kind::kAttribute, take().text);
      attribute->kids.push_back(std::move(expr));
      expr = std::move(attribute);
    } else if (accept("[")) {
      expr = parse_subscript(std::move(expr));
    } else if (accept("(")) {
      ExprPtr call = make(Expr::Kind::kCall);
      call->kids.push_back(std::move(expr));
      parse_arguments(*call);
      expr = std::move(call);
    } else {
      return expr;
    }
  }
}

ExprPtr ExpressionParser::parse_filters(ExprPtr expr) {
  for (;;) {
    if (++n_links_ > kMaxLinks) stop("the expression is too long");
    if (accept("|")) {
      expr = parse_filter(std::move(expr));
    } else if (accept_name("is")) {
      expr = parse_test(std::move(expr));
    } else {
      return expr;
    }
  }
}

ExprPtr ExpressionParser::parse_filter(ExprPtr expr) {
  ExprPtr filter = make(Expr::Kind::kFilter, expect(Kind::kName, "a filter").text);
  filter->kids.push_back(std::move(expr));
  if (accept("(")) parse_arguments(*filter);
  return parse_postfix(std::move(filter));
}

ExprPtr ExpressionParser::parse_test(ExprPtr expr) {
  const bool is_negated = accept_name("not");
  ExprPtr test = make(Expr::Kind::kTest, expect(Kind::kName, "a test").text);
  test->kids.push_back(std::move(expr));
  const Kind kind = peek().kind;
  const bool has_bare_argument = kind == Kind::kString || kind == Kind::kInteger ||
                                 kind == Kind::kFloat || is_operator("[") ||
                                 (kind == Kind::kName && !is_keyword(peek().text));
  if (accept("(")) {
    parse_arguments(*test);
  } else if (has_bare_argument) {
    test->kids.push_back(parse_postfix(parse_primary()));
  }
  if (!is_negated) return test;
  ExprPtr negated = make(Expr::Kind::kUnary, "not");
  negated->kids.push_back(std::move(test));
  return negated;
}

ExprPtr ExpressionParser::parse_subscript(ExprPtr expr) {
  ExprPtr subscript = make(Expr::Kind::kSubscript);
  subscript->kids.push_back(std::move(expr));
  const auto part = [&]() -> ExprPtr {
    return is_operator(":") || is_operator("]") ? nullptr : parse_expression();
  };
  subscript->kids.push_back(part());
  while (accept(":")) {
    subscript->kind = Expr::Kind::kSlice;
    subscript->kids.push_back(part());
  }
  expect_operator("]");
  const size_t n_kids = subscript->kids.size();
  if (n_kids > 4) stop("a slice has three parts at most");
  if (subscript->kind == Expr::Kind::kSlice) subscript->kids.resize(4);
  if (n_kids == 2 && !subscript->kids[1]) stop("expected an index");
  return subscript;
}

void ExpressionParser::parse_arguments(Expr& call) {
  while (!accept(")")) {
    const bool is_named =
        peek().kind == Kind::kName && peek(1).kind == Kind::kOperator && peek(1).text == "=";
    if (is_named) {
      std::string name = take().text;
      take();
      call.named.emplace_back(std::move(name), parse_expression());
    } else {
      call.kids.push_back(parse_expression());
    }
    if (!accept(",") && !is_operator(")")) stop("expected , or )");
  }
}

ExprPtr ExpressionParser::parse_primary() {
  if (peek().kind == Kind::kString) {
    ExprPtr literal = make(Expr::Kind::kLiteral);
    std::string text;
    while (peek().kind == Kind::kString) text += take().text;  // neighbours are joined
    literal->value = Value(std::move(text));
    return literal;
  }
  if (peek().kind == Kind::kInteger || peek().kind == Kind::kFloat) return parse_number();
  if (peek().kind == Kind::kName && !is_keyword(peek().text)) return parse_name();
  if (accept("(")) {
    if (is_operator(")")) return parse_items(")");
    ExprPtr inner = parse_tuple();
    expect_operator(")");
    return inner;
  }
  if (accept("[")) return parse_items("]");
  if (accept("{")) {
    ExprPtr dict = make(Expr::Kind::kDict);
    while (!accept("}")) {
      dict->kids.push_back(parse_expression());
      expect_operator(":");
      dict->kids.push_back(parse_expression());
      if (!accept(",") && !is_operator("}")) stop("expected , or }");
    }
    return dict;
  }
  stop("expected a value");
}

ExprPtr ExpressionParser::parse_items(const char* close) {
  ExprPtr list = make(Expr::Kind::kList);
  while (!accept(close)) {
    list->kids.push_back(parse_expression());
    if (!accept(",") && !is_operator(close)) stop(fmt::format("expected , or {}", close));
  }
  return list;
}

ExprPtr ExpressionParser::parse_name() {
  ExprPtr name = make(Expr::Kind::kName, take().text);
  if (const auto value = constant(name->name)) {
    name->kind = Expr::Kind::kLiteral;
    name->value = *value;
  }
  return name;
}

ExprPtr ExpressionParser::parse_number() {
  ExprPtr literal = make(Expr::Kind::kLiteral);
  const Token token = take();
  const char* end = token.text.data() + token.text.size();
  int64_t integer = 0;
  double number = 0;
  const auto result = token.kind == Kind::kFloat ? std::from_chars(token.text.data(), end, number)
                                                 : std::from_chars(token.text.data(), end, integer);
  if (result.ec != std::errc()) stop("the number is too large");
  literal->value = token.kind == Kind::kFloat ? Value(number) : Value(integer);
  return literal;
}

}  // namespace r1::jinja
