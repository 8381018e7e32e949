// The recursive descent behind parse_answer; for parse*.cpp only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "math/expression.h"
#include "math/lexer.h"

namespace r1 {

class Parser {
 public:
  Parser(Expressions& out, std::vector<Token> tokens) : out_(out), tokens_(std::move(tokens)) {}

  int answer();  // the whole text
  bool has_failed() const { return has_failed_ || out_.is_full(); }

 private:
  static constexpr int kMaxDepth = 100;

  // Items: what stands between commas, "and", "or".
  bool skip_separator();
  bool skip_word_separator();
  void push_item(std::vector<int>& items, int item);
  std::vector<int> items();
  bool at_close() const;
  int relation();
  int combine(std::vector<int> parts, const std::vector<std::string>& signs);
  std::string relation_sign();
  int set_expression();

  // Formulas.
  int sum();
  int term();
  int factor();
  int postfix(int base);
  int power_of(int base);
  int quantity(int base);
  bool starts_factor() const;
  bool at_unit_text() const;

  // Atoms, in parse_atoms.cpp.
  int atom();
  int number_atom();
  int literal(const std::string& text);
  int mixed(int whole);
  int word_atom();
  int text_atom();
  int symbol(std::string name);
  int command_atom();
  int function(const std::string& name);
  int argument();         // after a function's name
  int group_argument();   // {…} or one token
  int single_argument();  // {…} or one digit
  int bracketed();
  int braced_set();
  int bars();
  int environment();
  int big_operator(const std::string& name);

  const Token& look(size_t ahead = 0) const {
    const size_t i = at_ + ahead;
    return i < tokens_.size() ? tokens_[i] : tokens_.back();
  }
  bool at_sign(std::string_view text, size_t ahead = 0) const {
    return look(ahead).type == Token::kSign && look(ahead).text == text;
  }
  bool at_command(std::string_view name) const {
    return look().type == Token::kCommand && look().text == name;
  }
  bool skip_sign(std::string_view text);
  bool skip_command(std::string_view name);
  void next() { at_ += at_ + 1 < tokens_.size(); }
  int failed() {
    has_failed_ = true;
    at_ = tokens_.size() - 1;  // every loop ends at the end
    return 0;
  }

  Expressions& out_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0, open_bars_ = 0;
  bool in_set_ = false;  // a | stands between a set's elements and their condition
  bool has_failed_ = false;
};

}  // namespace r1
