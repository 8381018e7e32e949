#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "text/jinja_interpreter.h"
#include "text/unicode.h"

namespace r1::jinja {

Value Interpreter::evaluate(const Expr& expr) {
  enter();
  budget_.step();
  line_ = expr.line;
  Value value = evaluate_node(expr);
  leave();
  return value;
}

Value Interpreter::evaluate_node(const Expr& expr) {
  switch (expr.kind) {
    case Expr::Kind::kLiteral:
      return expr.value;
    case Expr::Kind::kName:
      return look_up(expr.name);
    case Expr::Kind::kList:
      return arguments(expr).positional;
    case Expr::Kind::kDict:
      return make_dict(expr);
    case Expr::Kind::kAttribute:
      return attribute(evaluate(*expr.kids[0]), expr.name);
    case Expr::Kind::kSubscript: {
      const Value value = evaluate(*expr.kids[0]);
      return subscript(value, evaluate(*expr.kids[1]));
    }
    case Expr::Kind::kSlice:
      return slice(expr);
    case Expr::Kind::kCall:
      return call(expr);
    case Expr::Kind::kFilter: {
      const Value input = evaluate(*expr.kids[0]);
      return apply_filter(expr.name, input, arguments(expr), budget_);
    }
    case Expr::Kind::kTest: {
      const Value input = evaluate(*expr.kids[0]);
      return apply_test(expr.name, input, arguments(expr), budget_);
    }
    case Expr::Kind::kUnary:
      return unary(expr);
    case Expr::Kind::kBinary:
      return binary(expr);
    case Expr::Kind::kInlineIf:
      if (evaluate(*expr.kids[1]).is_true()) return evaluate(*expr.kids[0]);
      return expr.kids[2] ? evaluate(*expr.kids[2]) : Value(Undefined{"inline if without else"});
  }
  return {};
}

/// The kids behind the first (of a list: all), and the named ones.
Arguments Interpreter::arguments(const Expr& expr) {
  Arguments made;
  for (size_t i = expr.kind == Expr::Kind::kList ? 0 : 1; i < expr.kids.size(); ++i) {
    made.positional.push_back(evaluate(*expr.kids[i]));
  }
  for (const auto& [name, kid] : expr.named) made.named.emplace_back(name, evaluate(*kid));
  return made;
}

Value Interpreter::make_dict(const Expr& expr) {
  Dict members;
  for (size_t i = 0; i + 1 < expr.kids.size(); i += 2) {
    const std::string key = evaluate(*expr.kids[i]).to_text();
    Value value = evaluate(*expr.kids[i + 1]);
    const auto known = std::find_if(members.begin(), members.end(),
                                    [&](const auto& member) { return member.first == key; });
    if (known != members.end()) {
      known->second = std::move(value);
    } else {
      members.emplace_back(key, std::move(value));
    }
  }
  return members;
}

Value Interpreter::unary(const Expr& expr) {
  const Value value = evaluate(*expr.kids[0]);
  if (expr.name == "not") return !value.is_true();
  if (!value.is_number()) {
    throw TemplateError{0, fmt::format("cannot put {} before {}", expr.name, value.type_name())};
  }
  if (value.is_float()) return expr.name == "-" ? -value.number() : value.number();
  return arithmetic(expr.name, int64_t{0}, value);
}

Value Interpreter::binary(const Expr& expr) {
  const std::string& op = expr.name;
  const Value left = evaluate(*expr.kids[0]);
  if (op == "and") return left.is_true() ? evaluate(*expr.kids[1]) : left;
  if (op == "or") return left.is_true() ? left : evaluate(*expr.kids[1]);
  const Value right = evaluate(*expr.kids[1]);
  if (op == "in") return contains(right, left, budget_);
  if (op == "not in") return !contains(right, left, budget_);
  if (op == "==" || op == "!=") {
    budget_.spend(std::min(left.weight(), right.weight()));
    return left.equals(right) == (op == "==");
  }
  if (op == "<" || op == ">" || op == "<=" || op == ">=") return compare(op, left, right);
  if (op == "~") {
    budget_.spend(left);
    budget_.spend(right);
    return left.to_text() + right.to_text();
  }
  return op == "+" ? add(left, right) : arithmetic(op, left, right);
}

bool Interpreter::compare(const std::string& op, const Value& left, const Value& right) {
  int order = 0;
  if (left.is_number() && right.is_number()) {
    const bool is_float = left.is_float() || right.is_float();
    const double a = left.number(), b = right.number();
    if (std::isnan(a) || std::isnan(b)) return false;
    order = is_float ? (a > b) - (a < b)
                     : (left.integer() > right.integer()) - (left.integer() < right.integer());
  } else if (left.is_string() && right.is_string()) {
    budget_.spend(std::min(left.weight(), right.weight()));
    order = left.text().compare(right.text());
  } else {
    throw TemplateError{
        0, fmt::format("cannot compare {} {} {}", left.type_name(), op, right.type_name())};
  }
  if (op == "<") return order < 0;
  if (op == ">") return order > 0;
  return op == "<=" ? order <= 0 : order >= 0;
}

Value Interpreter::add(const Value& left, const Value& right) {
  if (left.is_string() && right.is_string()) {
    budget_.spend(left);
    budget_.spend(right);
    return left.text() + right.text();
  }
  if (left.is_list() && right.is_list()) {
    List both = left.list();
    both.insert(both.end(), right.list().begin(), right.list().end());
    budget_.spend(static_cast<int64_t>(both.size()) * 16);
    return both;
  }
  return arithmetic("+", left, right);
}

Value Interpreter::arithmetic(const std::string& op, const Value& left, const Value& right) {
  if (!left.is_number() || !right.is_number()) {
    const auto name = [](const Value& value) {
      return value.is_undefined()
                 ? fmt::format("\"{}\", which is undefined", value.undefined_name())
                 : value.type_name();
    };
    throw TemplateError{0, fmt::format("cannot compute {} {} {}", name(left), op, name(right))};
  }
  const bool divides = op == "/" || op == "//" || op == "%";
  if (divides && right.number() == 0) throw TemplateError{0, "division by zero"};
  if (left.is_float() || right.is_float() || op == "/") {
    const double a = left.number(), b = right.number();
    if (op == "+") return a + b;
    if (op == "-") return a - b;
    if (op == "*") return a * b;
    if (op == "/") return a / b;
    return op == "//" ? std::floor(a / b) : a - b * std::floor(a / b);
  }
  const int64_t a = left.integer(), b = right.integer();
  int64_t result = 0;
  const bool overflows = op == "+"   ? __builtin_add_overflow(a, b, &result)
                         : op == "-" ? __builtin_sub_overflow(a, b, &result)
                         : op == "*" ? __builtin_mul_overflow(a, b, &result)
                                     : a == INT64_MIN && b == -1;
  if (overflows) throw TemplateError{0, "number too large"};
  if (!divides) return result;
  const int64_t rest = (a % b + b) % b;  // the sign of the divisor, as in Python
  return op == "%" ? rest : (a - rest) / b;
}

Value Interpreter::subscript(const Value& value, const Value& index) {
  if (value.is_dict() || value.is_namespace() || value.is_undefined()) {
    return attribute(value, index.to_text());
  }
  if (!index.is_number() || !(value.is_list() || value.is_string())) {
    throw TemplateError{0,
                        fmt::format("cannot index {} by {}", value.type_name(), index.type_name())};
  }
  const List items = value.is_string() ? iterate(value, budget_) : List();
  const List& all = value.is_list() ? value.list() : items;
  const auto n = static_cast<int64_t>(all.size());
  const int64_t at = index.integer() < 0 ? index.integer() + n : index.integer();
  if (at < 0 || at >= n) return Value(Undefined{fmt::format("item {}", index.integer())});
  return all[at];
}

Value Interpreter::slice(const Expr& expr) {
  const Value value = evaluate(*expr.kids[0]);
  if (!value.is_list() && !value.is_string()) {
    throw TemplateError{0, fmt::format("cannot slice {}", value.type_name())};
  }
  const List all = iterate(value, budget_);
  const auto n = static_cast<int64_t>(all.size());
  const auto part = [&](size_t kid, int64_t otherwise) {
    if (!expr.kids[kid]) return otherwise;
    const Value given = evaluate(*expr.kids[kid]);
    if (given.is_none()) return otherwise;
    if (!given.is_number()) throw TemplateError{0, "a slice takes whole numbers"};
    return given.integer();
  };
  const int64_t step = part(3, 1);
  if (step == 0) throw TemplateError{0, "a slice cannot have step 0"};
  const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
  const auto bound = [&](int64_t at, bool is_given) {
    if (is_given && at < 0) at = std::max(at, -n - 1) + n;
    return std::clamp(at, low, high);
  };
  const int64_t begin = bound(part(1, step > 0 ? 0 : n - 1), expr.kids[1] != nullptr);
  const int64_t end = bound(part(2, step > 0 ? n : -1), expr.kids[2] != nullptr);
  List kept;
  for (int64_t i = begin; step > 0 ? i < end : i > end;) {
    kept.push_back(all[i]);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  if (value.is_list()) return kept;
  std::string text;
  for (const Value& one : kept) text += one.text();
  return text;
}

Value Interpreter::call(const Expr& expr) {
  const Expr& callee = *expr.kids[0];
  if (callee.kind == Expr::Kind::kAttribute) {
    const Value self = evaluate(*callee.kids[0]);
    const Value* member = self.member(callee.name);
    if (!member || !member->is_function()) {
      return call_method(self, callee.name, arguments(expr), budget_);
    }
  }
  const Value function = evaluate(callee);
  if (!function.is_function()) {
    throw TemplateError{0,
                        function.is_undefined()
                            ? fmt::format("function \"{}\" is not known", function.undefined_name())
                            : fmt::format("{} cannot be called", function.type_name())};
  }
  const Arguments given = arguments(expr);
  if (function.function().macro) return call_macro(*function.function().macro, given);
  if (function.function().name == "namespace") return make_namespace(given);
  line_ = expr.line;
  return call_function(function.function().name, given, budget_);
}

Value Interpreter::make_namespace(const Arguments& given) {
  Dict fields = given.named;
  if (!given.positional.empty() && given.positional[0].is_dict()) {
    fields.insert(fields.begin(), given.positional[0].dict().begin(),
                  given.positional[0].dict().end());
  }
  budget_.spend(64);
  namespaces_.push_back(std::make_unique<Namespace>(Namespace{std::move(fields)}));
  return namespaces_.back().get();
}

/// A macro sees its parameters and the variables of the template's top, not those of its caller.
Value Interpreter::call_macro(const MacroNode& macro, const Arguments& given) {
  if (given.positional.size() > macro.parameters.size()) {
    throw TemplateError{
        0, fmt::format("macro {} takes {} arguments at most", macro.name, macro.parameters.size())};
  }
  enter();
  const size_t caller_frame = std::exchange(frame_, scopes_.size());
  scopes_.emplace_back();
  for (size_t i = 0; i < macro.parameters.size(); ++i) {
    const auto& [name, otherwise] = macro.parameters[i];
    const Value* value = given.find(i, name);
    set(name, value ? *value : otherwise ? evaluate(*otherwise) : Value(Undefined{name}));
  }
  std::string text = capture(macro.body);
  scopes_.pop_back();
  frame_ = caller_frame;
  leave();
  return text;
}

}  // namespace r1::jinja
