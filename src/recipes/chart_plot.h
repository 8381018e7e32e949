// What a chart draws and where it goes: cleaned series, scales, and the frame in viewBox units.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "recipes/chart.h"
#include "recipes/chart_scale.h"

namespace r1 {

// All lengths are in units of the viewBox; the page scales it.
constexpr double kChartWidth = 360, kPlotHeight = 150, kLegendRow = 16, kTitleRoom = 48;
constexpr double kChartFontSize = 11;

struct Plot {
  const Chart& chart;
  ChartDetail detail;
  std::vector<Series> series;  // finite points only, thinned
  Scale x, y;
  double left = 0, right = 0, top = 0, bottom = 0;
  std::string svg;

  double at_x(double v) const { return left + (v - x.low) / (x.high - x.low) * (right - left); }
  double at_y(double v) const {
    const double share = (std::clamp(v, y.low, y.high) - y.low) / (y.high - y.low);
    return bottom - share * (bottom - top);
  }
  bool has_bars() const { return !chart.categories.empty(); }
  bool is_empty() const {
    return std::all_of(series.begin(), series.end(),
                       [](const Series& s) { return s.points.empty(); });
  }
};

/// Series cleaned and thinned, scales chosen; the frame is still to be placed.
Plot make_plot(const Chart& chart, const ChartDetail& detail);

/// Frames the plot below the legend, with room for tick labels and for the values at the lines'
/// ends.
void place_frame(Plot& plot, int legend_rows);

/// The points that can be drawn (finite; bars: of a category), at most max_points of them.
Series drawable_series(const Series& raw, const Chart& chart, size_t max_points);

/// A y value as it reads beside a point.
std::string value_text(const Chart& chart, double y);

/// About how wide the text is; fonts differ.
double text_width(std::string_view text);

}  // namespace r1
