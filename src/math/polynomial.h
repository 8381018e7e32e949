// Polynomial identity, decided exactly with FLINT.
#pragma once

#include "math/ball.h"
#include "math/expression.h"

namespace r1 {

/// Equal or different when both are polynomials with rational coefficients of a bounded size.
/// π and e count as symbols then, so that a difference in them stays unknown.
Evidence compare_polynomials(const Expressions& e, int a, int b, Budget& budget);

}  // namespace r1
