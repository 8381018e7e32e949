#include "recipes/chart_scale.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "recipes/html.h"

namespace r1 {
namespace {

constexpr double kLargest = 1e300;    // beyond it, high - low may overflow
constexpr double kSmallest = 1e-290;  // below it, a step may be 0

double nice_step(double span, int n_ticks) {
  const double raw = span / n_ticks;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

}  // namespace

Scale nice_scale(double low, double high, int n_ticks, bool widen) {
  CHECK(n_ticks >= 1, "nice_scale: {} ticks", n_ticks);
  if (!std::isfinite(low) || !std::isfinite(high) || std::fabs(low) > kLargest ||
      std::fabs(high) > kLargest) {
    low = 0, high = 1;
  }
  if (low > high) std::swap(low, high);
  if (std::fabs(low) < kSmallest) low = 0;
  if (std::fabs(high) < kSmallest) high = 0;
  const double least = std::max(std::fabs(low), std::fabs(high)) * 1e-9;
  if (high - low <= least) {  // one value only: give it room
    const double room = high == 0 ? 1 : std::fabs(high) * 0.5;
    low -= room, high += room;
  }
  Scale scale;
  scale.step = nice_step(high - low, n_ticks);
  double first = std::ceil(low / scale.step - 1e-9), last = std::floor(high / scale.step + 1e-9);
  if (widen) {
    first = std::floor(low / scale.step + 1e-9), last = std::ceil(high / scale.step - 1e-9);
    low = first * scale.step, high = last * scale.step;
  }
  scale.low = low, scale.high = high;
  for (double i = first; i <= last; ++i) scale.ticks.push_back(i * scale.step);
  return scale;
}

std::string tick_text(double value, double step, bool percent) {
  if (percent) return tick_text(value * 100, step * 100, false) + " %";
  if (std::fabs(value) < step * 1e-6) return "0";
  if (step < 9.99e-4 || std::fabs(value) >= 9999.5) return compact_text(value);
  const int decimals = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  return fmt::format("{:.{}f}", value, decimals);
}

std::vector<size_t> thin_points(const std::vector<std::pair<double, double>>& points,
                                size_t limit) {
  CHECK(limit >= 3, "thin_points: limit {}", limit);
  std::vector<size_t> kept;
  if (points.size() <= limit) {
    for (size_t i = 0; i < points.size(); ++i) kept.push_back(i);
    return kept;
  }
  const size_t n_buckets = limit - 2, inner = points.size() - 2;
  const auto bucket_start = [&](size_t b) { return 1 + b * inner / n_buckets; };
  kept.push_back(0);
  for (size_t b = 0; b < n_buckets; ++b) {
    const size_t begin = bucket_start(b), end = bucket_start(b + 1);
    const size_t next_end = b + 1 == n_buckets ? points.size() : bucket_start(b + 2);
    double mean_x = 0, mean_y = 0;
    for (size_t i = end; i < next_end; ++i) mean_x += points[i].first, mean_y += points[i].second;
    const auto count = static_cast<double>(next_end - end);
    mean_x /= count, mean_y /= count;
    const auto [ax, ay] = points[kept.back()];
    size_t best = begin;
    double best_area = -1;
    for (size_t i = begin; i < end; ++i) {
      const auto [x, y] = points[i];
      const double area = std::fabs((ax - mean_x) * (y - ay) - (ax - x) * (mean_y - ay));
      if (area > best_area) best_area = area, best = i;
    }
    kept.push_back(best);
  }
  kept.push_back(points.size() - 1);
  return kept;
}

}  // namespace r1
