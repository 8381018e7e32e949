#include "recipes/chart_plot.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "recipes/html.h"

namespace r1 {
namespace {

constexpr double kTooLarge = 1e300;

bool is_drawable(double v) { return std::isfinite(v) && std::fabs(v) < kTooLarge; }

Scale y_scale(const Plot& plot) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const Series& s : plot.series) {
    for (size_t i = 0; i < s.points.size(); ++i) {
      const double error = s.errors.empty() ? 0 : s.errors[i], y = s.points[i].second;
      low = std::min(low, y - (y >= 0 ? std::min(error, y) : error)),
      high = std::max(high, y + error);
    }
  }
  const bool from_zero = plot.chart.percent || plot.has_bars() || low < 0.5 * high;
  if (low >= 0 && from_zero) low = 0;
  if (high <= 0 && plot.has_bars()) high = 0;
  if (low == 0 && high == 0) high = plot.chart.percent ? 0.1 : 1;
  const Chart& c = plot.chart;
  Scale scale = nice_scale(c.y_min.value_or(low), c.y_max.value_or(high), 5, true);
  if (c.y_min && *c.y_min < scale.high) scale.low = *c.y_min;
  if (c.y_max && *c.y_max > scale.low) scale.high = *c.y_max;
  const double slack = scale.step * 1e-6;
  std::erase_if(scale.ticks,
                [&](double t) { return t < scale.low - slack || t > scale.high + slack; });
  return scale;
}

Scale x_scale(const Plot& plot) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  bool whole = true;
  for (const Series& s : plot.series) {
    for (const auto& [x, y] : s.points) {
      low = std::min(low, x), high = std::max(high, x);
      whole = whole && x == std::floor(x);
    }
  }
  const int n_ticks = whole && high > low ? static_cast<int>(std::min(6.0, high - low)) : 6;
  return nice_scale(low, high, n_ticks, false);
}

}  // namespace

double text_width(std::string_view text) {
  double em = 0;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) continue;  // goes on with a code point
    em += c == '%' ? 0.95 : c == ' ' || c == '.' ? 0.32 : c >= '0' && c <= '9' ? 0.64 : 0.57;
  }
  return em * kChartFontSize;
}

std::string value_text(const Chart& chart, double y) {
  return chart.percent ? percent_text(y, y != 0 && std::fabs(y) < 0.01 ? 2 : 1) : compact_text(y);
}

Series drawable_series(const Series& raw, const Chart& chart, size_t max_points) {
  CHECK(raw.errors.empty() || raw.errors.size() == raw.points.size(),
        "series '{}': {} errors for {} points", raw.name, raw.errors.size(), raw.points.size());
  Series all{raw.name, {}, raw.dashed, {}, raw.colour};
  for (size_t i = 0; i < raw.points.size(); ++i) {
    const auto [x, y] = raw.points[i];
    if (!is_drawable(x) || !is_drawable(y)) continue;
    const auto n = static_cast<double>(chart.categories.size());
    if (n > 0 && (x < 0 || x >= n || x != std::floor(x))) continue;
    all.points.push_back(raw.points[i]);
    if (raw.errors.empty()) continue;
    all.errors.push_back(is_drawable(raw.errors[i]) ? std::fabs(raw.errors[i]) : 0);
  }
  Series kept{raw.name, {}, raw.dashed, {}, raw.colour};
  for (const size_t i : thin_points(all.points, max_points)) {
    kept.points.push_back(all.points[i]);
    if (!all.errors.empty()) kept.errors.push_back(all.errors[i]);
  }
  return kept;
}

Plot make_plot(const Chart& chart, const ChartDetail& detail) {
  Plot plot{chart, detail, {}, {}, {}, 0, 0, 0, 0, {}};
  for (const Series& s : chart.series) {
    plot.series.push_back(drawable_series(s, chart, std::max<size_t>(detail.max_points, 3)));
  }
  plot.y = y_scale(plot), plot.x = x_scale(plot);
  return plot;
}

void place_frame(Plot& plot, int legend_rows) {
  double tick_width = 0, value_width = 0;
  for (const double tick : plot.y.ticks) {
    tick_width = std::max(tick_width, text_width(tick_text(tick, plot.y.step, plot.chart.percent)));
  }
  for (const Series& s : plot.series) {
    if (s.points.empty() || plot.has_bars()) continue;
    value_width = std::max(value_width,
                           1.15 * text_width(value_text(plot.chart, s.points.back().second)) + 10);
  }
  plot.left = tick_width + 9, plot.right = kChartWidth - std::max(value_width, 8.0);
  plot.top = kTitleRoom + kLegendRow * legend_rows, plot.bottom = plot.top + kPlotHeight;
}

}  // namespace r1
