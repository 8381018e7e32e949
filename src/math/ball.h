// Numeric evidence: evaluates formulas in ball arithmetic (Arb) at fixed rational points.
#pragma once

#include <optional>

#include "math/expression.h"

namespace r1 {

/// What one comparison of two answers may still cost. A call that would pass it gives up.
class Budget {
 public:
  explicit Budget(int64_t units) : left_(units) {}
  bool spend(int64_t units) { return (left_ -= units) >= 0; }
  bool is_spent() const { return left_ < 0; }

 private:
  int64_t left_;
};

enum class Evidence { kEqual, kDifferent, kUnknown };

/// Different is a proof. Equal means: zero within a radius 10^-30 of the size, at two positive and
/// two signed points (where both are real), at 128 to 1024 bits. Unknown: no value at enough
/// points, or too dear.
Evidence compare_values(const Expressions& e, int a, int b, Budget& budget);

/// For left1 - right1 against left2 - right2: 1 or -1 when one is a positive or negative multiple
/// of the other, 0 when not or unknown.
int proportion_sign(const Expressions& e, int left1, int right1, int left2, int right2,
                    Budget& budget);

/// -1, 0, 1 as a is less than, equal to or greater than b; both are real constants. ∞ is known.
std::optional<int> order_values(const Expressions& e, int a, int b, Budget& budget);

/// Whether |a - b| <= bound, for constants.
bool is_within(const Expressions& e, int a, int b, const Rational& bound, Budget& budget);

bool has_symbols(const Expressions& e, int id);

}  // namespace r1
