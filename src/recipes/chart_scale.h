// Where the ticks of a chart stand, how they read, and which points of a long series are drawn.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace r1 {

struct Scale {
  double low = 0, high = 1;   // what the axis spans; low < high
  double step = 1;            // between ticks: 1, 2 or 5 times a power of ten
  std::vector<double> ticks;  // multiples of step inside [low, high]
};

/// An axis for values from low to high. With widen it begins and ends on a tick, else it spans
/// exactly low..high. Equal or non-finite ends give an axis of some width all the same.
Scale nice_scale(double low, double high, int n_ticks, bool widen);

/// A tick as people write it: as many decimals as the step needs; 1500000 -> "1.5M"; percent: 0.4
/// -> "40 %".
std::string tick_text(double value, double step, bool percent);

/// Which points to keep so that at most `limit` are drawn and the shape stays: in each of equal
/// buckets the one that spans the largest triangle with its neighbours [Steinarsson 2013, LTTB].
/// First and last are kept. Points are finite; limit >= 3.
std::vector<size_t> thin_points(const std::vector<std::pair<double, double>>& points, size_t limit);

}  // namespace r1
