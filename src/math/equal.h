// Whether two answers mean the same, and why.
#pragma once

#include <string>

#include "math/ball.h"
#include "math/expression.h"
#include "math/options.h"

namespace r1 {

struct Equality {
  bool equal = false;
  std::string reason;  // "same form", "equal as polynomials", "lists differ in length" …
};

/// Compares two trees of one pool: their form, then exact rationals, then polynomials, then balls;
/// lists, sets, intervals, relations and matrices part by part. Symmetric. Adds nodes to the pool.
Equality equal_answers(Expressions& e, int a, int b, const MathOptions& options, Budget& budget);

}  // namespace r1
