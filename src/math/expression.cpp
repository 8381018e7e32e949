#include "math/expression.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace r1 {
namespace {

constexpr size_t kMaxText = 8000;  // more than the longest number

/// What an exact operation on two numbers costs.
int64_t cost_of(const Rational& a, const Rational& b) { return 1 + (a.bits() + b.bits()) / 200; }

std::string_view separator(Op op) {
  switch (op) {
    case Op::kSum:
      return " + ";
    case Op::kProduct:
      return "*";
    case Op::kPower:
      return "^";
    case Op::kUnion:
      return " U ";
    case Op::kIntersection:
      return " & ";
    case Op::kDifference:
      return " \\ ";
    case Op::kRatio:
      return ":";
    case Op::kChain:
      return " and ";
    default:
      return ", ";
  }
}

bool needs_brackets(Op inside, Op outside) {
  if (outside == Op::kPower) {
    return inside == Op::kSum || inside == Op::kProduct || inside == Op::kPower;
  }
  return outside == Op::kProduct && inside == Op::kSum;
}

/// The power of ten that a number is, when it is one: 1000 is 3.
std::optional<int> ten_exponent(const Rational& value) {
  if (value.bits() > 2000) return std::nullopt;
  const std::string text = value.text();
  const bool is_below = text.starts_with("1/1");
  const std::string_view rest = std::string_view(text).substr(is_below ? 2 : 0);
  if (!rest.starts_with('1') || rest.find_first_not_of('0', 1) != rest.npos) return std::nullopt;
  const int exponent = static_cast<int>(rest.size()) - 1;
  return is_below ? -exponent : exponent;
}

std::optional<Rational> fold_call(std::string_view name, const Rational& a) {
  if (name == "factorial") return factorial(a);
  if (name == "abs") return absolute(a);
  if (name == "floor") return r1::floor(a);
  if (name == "ceil") return a.is_integer() ? a : add(r1::floor(a), Rational(1));
  return std::nullopt;
}

std::optional<Rational> fold_call(std::string_view name, const Rational& a, const Rational& b) {
  if (name == "binom") return binomial(a, b);
  if (name == "mod") return modulo(a, b);
  if (name == "gcd") return greatest_common_divisor(a, b);
  if (name == "max") return a < b ? b : a;
  if (name == "min") return a < b ? a : b;
  const bool is_odd_root = name == "root" && b.is_integer() && a.sign() < 0;
  if (is_odd_root && modulo(b, Rational(2)) == Rational(1)) {
    const auto exponent = divide(Rational(1), b);
    const auto root = exponent ? r1::power(absolute(a), *exponent) : std::nullopt;
    return root ? subtract(Rational(0), *root) : std::nullopt;
  }
  if (name == "root" && b.sign() > 0) {
    const auto exponent = divide(Rational(1), b);
    return exponent ? r1::power(a, *exponent) : std::nullopt;
  }
  if (name != "lcm") return std::nullopt;
  const auto shared = greatest_common_divisor(a, b), product = multiply(a, b);
  return shared && product ? divide(*product, *shared) : std::nullopt;
}

}  // namespace

Expressions::Expressions() { nodes_.reserve(64); }

int Expressions::add(Node node) {
  if (nodes_.size() >= kMaxNodes) {
    is_full_ = true;
    return 0;
  }
  nodes_.push_back(std::move(node));
  return static_cast<int>(nodes_.size()) - 1;
}

int Expressions::number(Rational value) {
  return add({.op = Op::kNumber, .value = std::move(value)});
}

int Expressions::call(std::string name, std::vector<int> args) {
  const bool is_exact = !args.empty() && std::all_of(args.begin(), args.end(),
                                                     [&](int arg) { return is_number(arg); });
  if (is_exact && may_fold(20)) {
    const Rational& first = nodes_[args[0]].value;
    auto value = args.size() == 1   ? fold_call(name, first)
                 : args.size() == 2 ? fold_call(name, first, nodes_[args[1]].value)
                                    : std::nullopt;
    if (value) return number(std::move(*value));
  }
  return add({.op = Op::kCall, .name = std::move(name), .args = std::move(args)});
}

int Expressions::sum(int a, int b) {
  if (is_number(a) && is_number(b) && may_fold(cost_of(nodes_[a].value, nodes_[b].value))) {
    if (auto value = r1::add(nodes_[a].value, nodes_[b].value)) return number(std::move(*value));
  }
  if (nodes_[a].op != Op::kSum) return node(Op::kSum, {a, b});
  std::vector<int> terms = nodes_[a].args;
  terms.push_back(b);
  return node(Op::kSum, std::move(terms));
}

int Expressions::product(int a, int b) {
  if (is_number(a) && is_number(b) && may_fold(cost_of(nodes_[a].value, nodes_[b].value))) {
    auto value = multiply(nodes_[a].value, nodes_[b].value);
    if (value) {
      Node folded{.op = Op::kNumber, .value = std::move(*value)};
      const Node &x = nodes_[a], &y = nodes_[b];
      const Node& literal = x.decimals >= 0 ? x : y;
      const auto shift = ten_exponent((x.decimals >= 0 ? y : x).value);
      if (literal.decimals >= 0 && shift) {  // 2.5 * 10^3 has the digits of 2.5
        folded.decimals = std::max(0, literal.decimals - *shift);
        folded.digits = literal.digits;
      }
      return add(std::move(folded));
    }
  }
  if (is_number(a) && nodes_[a].value == Rational(1)) return b;
  if (is_number(b) && nodes_[b].value == Rational(1)) return a;
  if (nodes_[a].op != Op::kProduct) return node(Op::kProduct, {a, b});
  std::vector<int> factors = nodes_[a].args;
  factors.push_back(b);
  return node(Op::kProduct, std::move(factors));
}

int Expressions::negative(int a) {
  if (is_number(a)) {
    Node negated = nodes_[a];
    if (auto value = subtract(Rational(0), negated.value)) {
      negated.value = std::move(*value);
      return add(std::move(negated));
    }
  }
  if (nodes_[a].op == Op::kPercent || nodes_[a].op == Op::kQuantity ||
      nodes_[a].op == Op::kDegrees) {
    Node outer = nodes_[a];
    outer.args = {negative(outer.args[0])};
    return add(std::move(outer));
  }
  return product(number(Rational(-1)), a);
}

int Expressions::quotient(int a, int b) {
  if (is_number(a) && is_number(b) && may_fold(cost_of(nodes_[a].value, nodes_[b].value))) {
    if (auto value = divide(nodes_[a].value, nodes_[b].value)) return number(std::move(*value));
  }
  return product(a, power(b, number(Rational(-1))));
}

int Expressions::power(int base, int exponent) {
  if (is_number(base) && is_number(exponent) && may_fold(20)) {
    auto value = r1::power(nodes_[base].value, nodes_[exponent].value);
    if (value) return number(std::move(*value));
  }
  return node(Op::kPower, {base, exponent});
}

bool Expressions::same(int a, int b) const {
  if (a == b) return true;
  if (is_number(a) || is_number(b)) {
    return is_number(a) && is_number(b) && nodes_[a].value == nodes_[b].value;
  }
  const std::string text = text_of(a);
  return text.size() < kMaxText && text == text_of(b);
}

std::string Expressions::text_of(int id) const {
  std::string out;
  write(id, out);
  return out;
}

void Expressions::write(int id, std::string& out) const {
  if (out.size() > kMaxText) return;
  const Node& node = nodes_[id];
  if (node.op == Op::kNumber) {
    out += node.value.text();
    return;
  }
  if (node.args.empty() || node.op == Op::kCall || node.op == Op::kPlusMinus) out += node.name;
  if (node.op == Op::kPlusMinus) out += node.name == "+" ? "-" : "+";
  std::vector<std::string> parts;
  for (int arg : node.args) {
    if (parts.size() > kMaxText || out.size() > kMaxText) return;
    std::string part = text_of(arg);
    const Op inside = nodes_[arg].op;
    if (needs_brackets(inside, node.op) ||
        (node.op == Op::kPower && (part.starts_with('-') || part.find('/') != part.npos))) {
      part = "(" + part + ")";
    }
    parts.push_back(std::move(part));
  }
  const bool is_ordered = node.op != Op::kSum && node.op != Op::kProduct && node.op != Op::kSet &&
                          node.op != Op::kUnion && node.op != Op::kIntersection;
  if (!is_ordered) std::sort(parts.begin(), parts.end());
  std::string joint(node.op == Op::kRelation ? " " + node.name + " "
                                             : std::string(separator(node.op)));
  std::string_view open = "", close = "";
  if (node.op == Op::kTuple) open = std::string_view(node.name).substr(0, 1);
  if (node.op == Op::kTuple) close = std::string_view(node.name).substr(1, 1);
  if (node.op == Op::kSet) open = "{", close = "}";
  if (node.op == Op::kMatrix) open = "[", close = "]";
  if (node.op == Op::kCall || node.op == Op::kPlusMinus) open = "(", close = ")";
  out += open;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) {
      const bool is_row = node.op == Op::kMatrix && i % static_cast<size_t>(node.columns) == 0;
      out += is_row ? "; " : joint;
    }
    out += parts[i];
  }
  out += close;
  if (node.op == Op::kDegrees) out += "°";
  if (node.op == Op::kPercent) out += "%";
  if (node.op == Op::kQuantity) out += " " + node.name;
  if (out.size() > kMaxText) out.resize(kMaxText);
}

}  // namespace r1
