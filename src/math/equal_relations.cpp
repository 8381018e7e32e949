#include <algorithm>

#include "math/comparer.h"

namespace r1 {

/// What may stand left of = as the name of a value: x, a_{3}, f(x), |AB|, AB, AB/CD, (x, y).
bool Comparer::is_name(int id) const {
  const Node& node = e_[id];
  switch (node.op) {
    case Op::kSymbol:
    case Op::kText:
      return true;
    case Op::kCall:
      return node.name == "abs" || node.name == "f" || node.name == "g" || node.name == "h";
    case Op::kPower:
      return e_.is_number(node.args[1]) && e_[node.args[1]].value == Rational(-1) &&
             is_name(node.args[0]);
    case Op::kTuple:
    case Op::kProduct:
      return std::all_of(node.args.begin(), node.args.end(), [&](int arg) { return is_name(arg); });
    default:
      return false;
  }
}

/// The same name; W(n) and W(x) are both W.
bool Comparer::same_name(int a, int b) const {
  if (e_.same(a, b)) return true;
  if (e_[a].op != e_[b].op) return false;
  if (e_[a].op == Op::kCall) return e_[a].name == e_[b].name && e_[a].name != "abs";
  return e_[a].op == Op::kProduct && e_[a].args.size() == 2 && e_[b].args.size() == 2 &&
         e_.same(e_[a].args[0], e_[b].args[0]);
}

/// x = 5: nothing is left to do.
bool Comparer::is_solution(int id) const {
  const std::vector<int>& args = e_[id].args;
  return (e_[args[0]].op == Op::kSymbol && !has_symbols(e_, args[1])) ||
         (e_[args[1]].op == Op::kSymbol && !has_symbols(e_, args[0]));
}

bool Comparer::relations(int a, int b) {
  const auto is_relation = [&](int id) {
    return e_[id].op == Op::kRelation || e_[id].op == Op::kChain;
  };
  if (is_relation(a) && is_relation(b)) {
    const bool equations_both = e_[a].name == "=" && e_[b].name == "=";
    return equations_both ? equations(a, b) : inequalities(a, b);
  }
  if (!is_relation(a)) std::swap(a, b);
  if (e_[a].op == Op::kRelation && e_[a].name == "=") {
    if (is_name(e_[a].args[0])) return equal(e_[a].args[1], b);
    if (is_name(e_[a].args[1]) && !has_symbols(e_, e_[a].args[0])) return equal(e_[a].args[0], b);
    if (e_[b].op == Op::kList || e_[b].op == Op::kSet) return in_any_order({a}, e_[b].args);
    return because(false, "an equation against a value");
  }
  return intervals(a, b);
}

bool Comparer::equations(int a, int b) {
  const std::vector<int> left = e_[a].args, right = e_[b].args;
  if (is_name(left[0]) && is_name(right[0]) && same_name(left[0], right[0])) {
    return equal(left[1], right[1]);
  }
  if (e_.same(left[0], right[1]) && e_.same(left[1], right[0])) {
    return because(true, "the same equation, turned");
  }
  if (is_solution(a) != is_solution(b)) return because(false, "an equation that is not solved");
  const int sign = proportion_sign(e_, left[0], left[1], right[0], right[1], budget_);
  if (sign != 0) return because(true, "one equation is a multiple of the other");
  return because(e_.same(left[0], right[0]) && equal(left[1], right[1]), "other equations");
}

bool Comparer::inequalities(int a, int b) {
  const Node left = e_[a], right = e_[b];
  if (left.op == Op::kRelation && right.op == Op::kRelation) {
    const auto is_turned = [](const Node& node) { return node.name[0] == '>'; };
    const auto plain = [&](const Node& node) {
      return is_turned(node) ? "<" + node.name.substr(1) : node.name;
    };
    if (plain(left) != plain(right)) return because(false, "another relation");
    const int l = is_turned(left), r = is_turned(right);
    const int sign = proportion_sign(e_, left.args[l], left.args[1 - l], right.args[r],
                                     right.args[1 - r], budget_);
    const bool is_same = sign > 0 || (sign < 0 && left.name == "!=");
    return because(is_same, is_same ? "the same inequality" : "other inequalities");
  }
  if (left.op != right.op || left.args.size() != right.args.size()) return intervals(a, b);
  bool forward = true, backward = true;
  const size_t n = left.args.size();
  for (size_t i = 0; i < n; ++i) {
    forward = forward && inequalities(left.args[i], right.args[i]);
    backward = backward && inequalities(left.args[i], right.args[n - 1 - i]);
  }
  if (forward || backward) return because(true, "the same chain of inequalities");
  return intervals(a, b);
}

}  // namespace r1
