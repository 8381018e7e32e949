#include "math/ball_value.h"

#include <flint/fmpq.h>

#include <string_view>

namespace r1 {
namespace {

uint64_t hash_name(std::string_view name, uint64_t seed) {
  uint64_t hash = 1469598103934665603ull ^ (seed * 0x9E3779B97F4A7C15ull);
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return hash ^ (hash >> 29);
}

/// A symbol's value at a point: between 0.2 and 2.7, negative at one of the points 2 and 3.
void set_symbol(acb_ptr out, std::string_view name, BallPlace place) {
  const uint64_t hash = hash_name(name, static_cast<uint64_t>(place.point));
  slong above = 163 + static_cast<slong>(hash % 2011);
  const bool is_odd = (hash_name(name, 99) >> 7) & 1;
  if (place.point >= 2 && is_odd == (place.point == 2)) above = -above;
  acb_set_si(out, above);
  acb_div_si(out, out, 809, place.bits);
}

/// Whether |x| < 2^exponent for sure.
bool is_below(acb_srcptr x, slong exponent) {
  mag_t bound;
  mag_init(bound);
  acb_get_mag(bound, x);
  const bool result = mag_cmp_2exp_si(bound, exponent) < 0;
  mag_clear(bound);
  return result;
}

class Evaluator {
 public:
  Evaluator(const Expressions& e, BallPlace place, Budget& budget)
      : e_(e), place_(place), budget_(budget) {}

  bool run(int id, acb_ptr out) {
    if (!budget_.spend(1 + place_.bits / 512)) return false;
    if (!node(e_[id], id, out)) return false;
    return acb_is_finite(out) && is_below(out, 200000);
  }

 private:
  bool node(const Node& node, int id, acb_ptr out) {
    switch (node.op) {
      case Op::kNumber:
        acb_set_fmpq(out, reinterpret_cast<const fmpq*>(node.value.words()), place_.bits);
        return true;
      case Op::kSymbol:
        set_symbol(out, node.name, place_);
        return true;
      case Op::kConstant:
        return constant(node.name, out);
      case Op::kSum:
      case Op::kProduct:
        return fold(node, out);
      case Op::kPower:
        return power(node, out);
      case Op::kCall:
        return call(node, id, out);
      case Op::kDegrees:
        return degrees(node, out);
      case Op::kPercent:
        if (!run(node.args[0], out)) return false;
        acb_div_si(out, out, 100, place_.bits);
        return true;
      case Op::kQuantity:
        return run(node.args[0], out);
      default:
        return false;
    }
  }

  bool constant(std::string_view name, acb_ptr out) {
    if (name == "pi") {
      acb_const_pi(out, place_.bits);
    } else if (name == "e") {
      acb_set_si(out, 1);
      acb_exp(out, out, place_.bits);
    } else if (name == "i") {
      acb_onei(out);
    } else {
      return false;
    }
    return true;
  }

  bool fold(const Node& node, acb_ptr out) {
    Ball part;
    for (size_t i = 0; i < node.args.size(); ++i) {
      if (!run(node.args[i], i == 0 ? out : part.get())) return false;
      if (i == 0) continue;
      if (node.op == Op::kSum) {
        acb_add(out, out, part, place_.bits);
      } else {
        acb_mul(out, out, part, place_.bits);
      }
    }
    return true;
  }

  bool degrees(const Node& node, acb_ptr out) {
    Ball pi;
    if (!run(node.args[0], out)) return false;
    acb_const_pi(pi, place_.bits);
    acb_mul(out, out, pi, place_.bits);
    acb_div_si(out, out, 180, place_.bits);
    return true;
  }

  bool power(const Node& node, acb_ptr out) {
    const Node& exponent = e_[node.args[1]];
    Ball base;
    if (!run(node.args[0], base)) return false;
    if (exponent.op == Op::kNumber) {
      const auto whole = exponent.value.to_int64();
      if (whole && *whole >= -100000 && *whole <= 100000) {
        if (*whole < 0 && acb_contains_zero(base)) return false;
        acb_pow_si(out, base, *whole, place_.bits);
        return true;
      }
      if (exponent.value == Rational(1, 2)) {
        acb_sqrt(out, base, place_.bits);
        return budget_.spend(3);
      }
    }
    Ball up;
    if (!run(node.args[1], up) || !budget_.spend(40)) return false;
    if (acb_is_zero(base)) {
      acb_zero(out);
      return arb_is_positive(acb_realref(up.get()));
    }
    if (acb_contains_zero(base)) return false;
    acb_log(base, base, place_.bits);
    acb_mul(up, up, base, place_.bits);
    if (!is_below(up, 20)) return false;
    acb_exp(out, up, place_.bits);
    return true;
  }

  bool call(const Node& node, int id, acb_ptr out) {
    using Function = void (*)(acb_t, const acb_t, slong);
    struct Known {
      std::string_view name;
      Function function;
    };
    static constexpr Known kKnown[] = {
        {"sin", acb_sin},     {"cos", acb_cos},   {"tan", acb_tan},     {"cot", acb_cot},
        {"sec", acb_sec},     {"csc", acb_csc},   {"arcsin", acb_asin}, {"arccos", acb_acos},
        {"arctan", acb_atan}, {"asin", acb_asin}, {"acos", acb_acos},   {"atan", acb_atan},
        {"sinh", acb_sinh},   {"cosh", acb_cosh}, {"tanh", acb_tanh},   {"ln", acb_log}};
    if (node.args.size() == 1) {
      for (const Known& known : kKnown) {
        if (node.name != known.name) continue;
        if (!run(node.args[0], out) || !budget_.spend(40) || !is_below(out, 20)) return false;
        known.function(out, out, place_.bits);
        return true;
      }
      if (node.name == "factorial") {
        if (!run(node.args[0], out) || !budget_.spend(80) || !is_below(out, 16)) return false;
        acb_add_si(out, out, 1, place_.bits);
        acb_gamma(out, out, place_.bits);
        return true;
      }
      if (node.name == "abs") {
        Ball inside;
        if (!run(node.args[0], inside)) return false;
        acb_zero(out);
        acb_abs(acb_realref(out), inside, place_.bits);
        return true;
      }
    }
    if (node.name == "root" && e_.is_number(node.args[1])) return root(node, out);
    set_symbol(out, e_.text_of(id), place_);  // an unknown function is what its text says
    return budget_.spend(20);
  }

  /// The real root where there is one: the cube root of -8 is -2.
  bool root(const Node& node, acb_ptr out) {
    const auto degree = e_[node.args[1]].value.to_int64();
    if (!degree || *degree < 1 || *degree > 1000) return false;
    Ball base;
    if (!run(node.args[0], base) || !budget_.spend(40)) return false;
    const bool is_negative = acb_is_real(base) && arb_is_negative(acb_realref(base.get()));
    if (is_negative && *degree % 2 == 1) acb_neg(base, base);
    acb_root_ui(out, base, static_cast<ulong>(*degree), place_.bits);
    if (is_negative && *degree % 2 == 1) acb_neg(out, out);
    return true;
  }

  const Expressions& e_;
  BallPlace place_;
  Budget& budget_;
};

}  // namespace

bool evaluate(const Expressions& e, int id, BallPlace place, Budget& budget, acb_ptr out) {
  return Evaluator(e, place, budget).run(id, out);
}

}  // namespace r1
