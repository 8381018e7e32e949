// Sets of real numbers as sorted intervals: 1 < x < 2, (1, 2), x ≠ 1, R \ {0}.
#pragma once

#include <optional>
#include <vector>

#include "math/ball.h"
#include "math/expression.h"

namespace r1 {

struct Interval {
  int low = 0, high = 0;  // nodes
  bool low_open = false, high_open = false;
};

/// The set a tree describes, its intervals sorted and touching ones merged; nothing when it is no
/// such set. At most 64 intervals.
std::optional<std::vector<Interval>> to_intervals(Expressions& e, int id, Budget& budget);

bool same_intervals(const Expressions& e, const std::vector<Interval>& a,
                    const std::vector<Interval>& b, Budget& budget);

}  // namespace r1
