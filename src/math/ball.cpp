#include "math/ball.h"

#include <flint/fmpq.h>

#include <algorithm>

#include "math/ball_value.h"

namespace r1 {
namespace {

constexpr slong kPrecisions[] = {128, 384, 1024};
constexpr int kPoints = 4;

bool contains_i(const Expressions& e, int id) {
  if (e[id].op == Op::kConstant && e[id].name == "i") return true;
  return std::any_of(e[id].args.begin(), e[id].args.end(),
                     [&](int arg) { return contains_i(e, arg); });
}

/// Whether the ball d, which contains zero, is so small beside a and b that it means zero.
bool means_zero(acb_srcptr d, acb_srcptr a, acb_srcptr b, slong bits) {
  mag_t radius, size;
  mag_init(radius);
  mag_init(size);
  acb_get_mag(radius, d);
  acb_get_mag_lower(size, a);
  const bool a_is_larger = mag_cmp_2exp_si(size, -1000000) > 0;
  if (!a_is_larger) acb_get_mag_lower(size, b);
  mag_mul_2exp_si(size, size, -100);
  const bool is_small_beside = mag_cmp(radius, size) <= 0;
  const bool is_small = bits >= 384 && mag_cmp_2exp_si(radius, -300) < 0;
  mag_clear(radius);
  mag_clear(size);
  return is_small_beside || is_small;
}

bool is_real(acb_srcptr x) { return arb_contains_zero(acb_imagref(x)); }

Evidence compare_at(const Expressions& e, int a, int b, int point, bool needs_real,
                    Budget& budget) {
  for (slong bits : kPrecisions) {
    Ball x, y, d;
    if (!evaluate(e, a, {point, bits}, budget, x) || !evaluate(e, b, {point, bits}, budget, y)) {
      return Evidence::kUnknown;
    }
    if (needs_real && (!is_real(x) || !is_real(y))) return Evidence::kUnknown;
    acb_sub(d, x, y, bits);
    if (!acb_contains_zero(d)) return Evidence::kDifferent;
    if (means_zero(d, x, y, bits)) return Evidence::kEqual;
  }
  return Evidence::kUnknown;
}

/// 0 for a finite number, else the sign of the infinity.
int infinity_sign(const Expressions& e, int id) {
  const Node& node = e[id];
  if (node.op == Op::kConstant && node.name == "inf") return 1;
  if (node.op != Op::kProduct || node.args.size() != 2) return 0;
  const bool is_negated = e.is_number(node.args[0]) && e[node.args[0]].value.sign() < 0;
  return is_negated ? -infinity_sign(e, node.args[1]) : 0;
}

/// left - right at a point, when it has a value.
bool difference(const Expressions& e, int left, int right, BallPlace place, Budget& budget,
                acb_ptr out) {
  Ball part;
  if (!evaluate(e, left, place, budget, out) || !evaluate(e, right, place, budget, part)) {
    return false;
  }
  acb_sub(out, out, part, place.bits);
  return true;
}

}  // namespace

bool has_symbols(const Expressions& e, int id) {
  if (e[id].op == Op::kSymbol) return true;
  return std::any_of(e[id].args.begin(), e[id].args.end(),
                     [&](int arg) { return has_symbols(e, arg); });
}

Evidence compare_values(const Expressions& e, int a, int b, Budget& budget) {
  const bool is_constant = !has_symbols(e, a) && !has_symbols(e, b);
  const bool is_complex = contains_i(e, a) || contains_i(e, b);
  int n_equal = 0;
  for (int point = 0; point < (is_constant ? 1 : kPoints); ++point) {
    const Evidence at = compare_at(e, a, b, point, point >= 2 && !is_complex, budget);
    if (at == Evidence::kDifferent) return at;
    n_equal += at == Evidence::kEqual;
  }
  return n_equal >= (is_constant ? 1 : 2) ? Evidence::kEqual : Evidence::kUnknown;
}

int proportion_sign(const Expressions& e, int left1, int right1, int left2, int right2,
                    Budget& budget) {
  constexpr slong kBits = 256;
  Ball first1, first2, here1, here2, d;
  if (!difference(e, left1, right1, {0, kBits}, budget, first1) ||
      !difference(e, left2, right2, {0, kBits}, budget, first2) || acb_contains_zero(first1) ||
      acb_contains_zero(first2)) {
    return 0;
  }
  int n_equal = 0;
  for (int point = 1; point < kPoints; ++point) {
    if (!difference(e, left1, right1, {point, kBits}, budget, here1) ||
        !difference(e, left2, right2, {point, kBits}, budget, here2)) {
      continue;
    }
    acb_mul(here1, here1, first2, kBits);
    acb_mul(here2, here2, first1, kBits);
    acb_sub(d, here1, here2, kBits);
    if (!acb_contains_zero(d)) return 0;
    n_equal += means_zero(d, here1, here2, kBits);
  }
  if (n_equal < 2) return 0;
  acb_div(d, first1, first2, kBits);
  if (!is_real(d)) return 0;
  return arb_is_positive(acb_realref(d.get())) ? 1 : -1;
}

std::optional<int> order_values(const Expressions& e, int a, int b, Budget& budget) {
  const int a_infinity = infinity_sign(e, a), b_infinity = infinity_sign(e, b);
  if (a_infinity != 0 || b_infinity != 0) {
    return (a_infinity > b_infinity) - (a_infinity < b_infinity);
  }
  if (has_symbols(e, a) || has_symbols(e, b)) return std::nullopt;
  Ball d;
  if (!difference(e, a, b, {0, 192}, budget, d) || !is_real(d)) return std::nullopt;
  if (arb_contains_zero(acb_realref(d.get()))) return 0;
  return arb_is_positive(acb_realref(d.get())) ? 1 : -1;
}

bool is_within(const Expressions& e, int a, int b, const Rational& bound, Budget& budget) {
  if (has_symbols(e, a) || has_symbols(e, b)) return false;
  Ball d, limit;
  if (!difference(e, a, b, {0, 192}, budget, d)) return false;
  arb_t size;
  arb_init(size);
  acb_abs(size, d, 192);
  acb_set_fmpq(limit, reinterpret_cast<const fmpq*>(bound.words()), 192);
  const bool is_inside = !arb_gt(size, acb_realref(limit.get()));
  arb_clear(size);
  return is_inside;
}

}  // namespace r1
