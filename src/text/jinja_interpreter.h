// Runs a parsed chat template. Private to text/; use text/chat_template.h.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja_builtins.h"
#include "text/jinja_parser.h"

namespace r1::jinja {

struct Rendered {
  std::string text;
  std::vector<std::pair<size_t, size_t>> generation;  // bytes of {% generation %} blocks
  bool has_generation_blocks = false;
};

class Interpreter {
 public:
  explicit Interpreter(Dict variables) : scopes_{std::move(variables), {}} {}

  /// Throws TemplateError with the line. Once for each interpreter.
  Rendered run(const Block& block);

 private:
  enum class Flow { kNext, kBreak, kContinue };

  Flow run_block(const Block& block);
  Flow run_statement(const Stmt& stmt);
  Flow run_for(const Stmt& stmt);
  void run_set(const Stmt& stmt);
  std::string capture(const Block& block);
  void print(std::string_view text);
  void assign(const std::vector<std::string>& names, const Value& value);
  Dict loop_variables(const List& items, size_t index) const;

  Value evaluate(const Expr& expr);
  Value evaluate_node(const Expr& expr);
  Value look_up(const std::string& name) const;
  Value binary(const Expr& expr);
  Value arithmetic(const std::string& op, const Value& left, const Value& right);
  Value add(const Value& left, const Value& right);
  bool compare(const std::string& op, const Value& left, const Value& right);
  Value unary(const Expr& expr);
  Value subscript(const Value& value, const Value& index);
  Value slice(const Expr& expr);
  Value call(const Expr& expr);
  Value call_macro(const MacroNode& macro, const Arguments& arguments);
  Value make_namespace(const Arguments& arguments);
  Value make_dict(const Expr& expr);
  Arguments arguments(const Expr& expr);

  void set(const std::string& name, Value value);
  void enter();  // one level deeper, or an error
  void leave() { --depth_; }

  std::vector<Dict> scopes_;  // variables given, the template's own, then loops and macros
  size_t frame_ = 2;          // first scope of the macro that runs; the first two are always seen
  std::vector<std::unique_ptr<Namespace>> namespaces_;
  Budget budget_;
  int depth_ = 0, line_ = 1;
  std::string* out_ = nullptr;
  Rendered rendered_;
};

}  // namespace r1::jinja
