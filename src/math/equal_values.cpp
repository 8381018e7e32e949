#include <algorithm>
#include <utility>

#include "math/comparer.h"
#include "math/polynomial.h"
#include "math/units.h"

namespace r1 {
namespace {

bool is_wrapper(Op op) { return op == Op::kQuantity || op == Op::kPercent || op == Op::kDegrees; }

bool contains(const Expressions& e, int id, Op op, std::string_view name) {
  if (e[id].op == op && (name.empty() || e[id].name == name)) return true;
  return std::any_of(e[id].args.begin(), e[id].args.end(),
                     [&](int arg) { return contains(e, arg, op, name); });
}

/// "square cm" is cm^2.
std::string usual_unit(const std::string& unit) {
  if (unit.starts_with("square ")) return unit.substr(7) + "^2";
  if (unit.starts_with("cubic ")) return unit.substr(6) + "^3";
  return unit;
}

bool is_known_unit(const std::string& unit) {
  return !unit_of(unit.substr(0, unit.find_first_of("^/ "))).empty();
}

}  // namespace

bool Comparer::same_units(const std::string& a, const std::string& b) const {
  const std::string left = usual_unit(a), right = usual_unit(b);
  return left == right || !is_known_unit(left) || !is_known_unit(right);
}

bool Comparer::wrapped(int a, int b) {
  if (!is_wrapper(e_[a].op)) std::swap(a, b);
  const Node left = e_[a], right = e_[b];
  const int inside = left.args[0];
  if (left.op == Op::kQuantity && right.op == Op::kQuantity) {
    if (!same_units(left.name, right.name)) return because(false, "other units");
    return equal(inside, right.args[0]);
  }
  if (right.op == Op::kQuantity || left.op == Op::kQuantity) {
    if (options_.units_matter) return because(false, "a unit is missing");
    return left.op == Op::kQuantity ? equal(inside, b) : equal(a, right.args[0]);
  }
  if (left.op == right.op) return equal(inside, right.args[0]);
  if (is_wrapper(right.op)) return because(false, "percent against degrees");
  if (left.op == Op::kDegrees) {
    if (!contains(e_, b, Op::kConstant, "pi") && equal(inside, b)) return true;
    return plain_values(a, b);  // in radians
  }
  if (plain_values(e_.quotient(inside, e_.number(Rational(100))), b)) return true;
  return options_.percent_is_number ? equal(inside, b) : false;
}

bool Comparer::scalars(int a, int b) {
  if (is_wrapper(e_[a].op) || is_wrapper(e_[b].op)) return wrapped(a, b);
  return plain_values(a, b);
}

bool Comparer::plain_values(int a, int b) {
  if (e_.is_number(a) && e_.is_number(b)) {
    if (e_[a].value == e_[b].value) return because(true, "equal numbers");
    return because(decimals(a, b), reason_.empty() ? "other numbers" : "compared as decimals");
  }
  if (decimals(a, b)) return because(true, "equal to the last decimal place given");
  const Evidence exact = compare_polynomials(e_, a, b, budget_);
  if (exact != Evidence::kUnknown) {
    const bool is_equal = exact == Evidence::kEqual;
    return because(is_equal, is_equal ? "the same polynomial" : "another polynomial");
  }
  switch (compare_values(e_, a, b, budget_)) {
    case Evidence::kEqual:
      return because(true, "equal in value");
    case Evidence::kDifferent:
      return because(false, "another value");
    case Evidence::kUnknown:
      return because(false, "no value to compare, and another form");
  }
  return false;
}

/// A decimal of enough digits stands for every number that rounds to it, and for an exact number
/// that is cut to it.
bool Comparer::decimals(int a, int b) {
  const auto stands_for = [&](int literal, int other) {
    const Node& node = e_[literal];
    if (node.op != Op::kNumber || node.decimals < 1 || node.digits < options_.min_digits) {
      return false;
    }
    const auto last_place = power(Rational(10), Rational(-node.decimals));
    const auto half = last_place ? divide(*last_place, Rational(2)) : std::nullopt;
    if (!half) return false;
    if (is_within(e_, literal, other, *half, budget_)) return true;
    const Node& exact = e_[other];
    if (exact.op == Op::kNumber && (exact.decimals >= 0 || exact.value.is_integer())) return false;
    const bool is_negative = node.value.sign() < 0;
    const auto middle = is_negative ? subtract(node.value, *half) : add(node.value, *half);
    return middle && is_within(e_, e_.number(*middle), other, *half, budget_);
  };
  return stands_for(a, b) || stands_for(b, a);
}

}  // namespace r1
