// The parser of template expressions: precedence climbing over the tokens of one template.
#pragma once

#include <string>
#include <vector>

#include "text/jinja_lexer.h"
#include "text/jinja_parser.h"

namespace r1::jinja {

class ExpressionParser {
 protected:
  explicit ExpressionParser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& peek(size_t ahead = 0) const;
  Token take();
  bool is_operator(const char* text) const;
  bool accept(const char* op);
  bool accept_name(const char* name);
  Token expect(Token::Kind kind, const char* what);
  void expect_operator(const char* text);
  [[noreturn]] void stop(const std::string& message) const;

  ExprPtr parse_expression();  // with inline if
  ExprPtr parse_tuple();       // expressions parted by commas make a list
  ExprPtr parse_or_tuple();    // the same without inline if: what a loop runs over

 private:
  using Level = ExprPtr (ExpressionParser::*)();
  ExprPtr make(Expr::Kind kind, std::string name = "") const;
  ExprPtr binary(std::string name, ExprPtr left, ExprPtr right);
  ExprPtr parse_chain(Level next, std::initializer_list<const char*> operators);
  ExprPtr parse_list_of(Level item);
  ExprPtr parse_or();
  ExprPtr parse_and();
  ExprPtr parse_not();
  ExprPtr parse_comparison();
  ExprPtr parse_sum();
  ExprPtr parse_concat();
  ExprPtr parse_product();
  ExprPtr parse_unary();
  ExprPtr parse_postfix(ExprPtr expr);
  ExprPtr parse_filters(ExprPtr expr);
  ExprPtr parse_filter(ExprPtr expr);
  ExprPtr parse_test(ExprPtr expr);
  ExprPtr parse_subscript(ExprPtr expr);
  ExprPtr parse_primary();
  ExprPtr parse_name();
  ExprPtr parse_number();
  ExprPtr parse_items(const char* close);
  void parse_arguments(Expr& call);

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;    // of nested expressions
  int n_links_ = 0;  // nodes of the expression at hand: bounds the depth of chains too
};

}  // namespace r1::jinja
