// Small line and bar charts as SVG text: no scripts, colours from CSS variables with fallbacks.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace r1 {

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points =
      {};  // x, y; those that are not finite are skipped
  bool dashed = false;
  std::vector<double> errors = {};  // one a point, drawn as y ± error; empty: none
  int colour = -1;                  // 0 … 5; -1: by its place in the chart
};

/// A place on the x axis that a chart points out.
struct Mark {
  double x = 0;
  std::string label;
};

struct Chart {
  std::string title, x_label, y_label;
  std::vector<Series> series = {};
  std::optional<double> y_min = {}, y_max = {};
  bool percent = false;  // y is a share: 0.4 reads "40 %"
  std::vector<std::string> categories =
      {};                        // not empty: bars; x is the place of a category, from 0
  std::vector<Mark> marks = {};  // vertical lines, not in bar charts
};

/// How many points of a series are drawn, and how many of those answer to the mouse.
struct ChartDetail {
  size_t max_points = 400;
  size_t max_tooltips = 40;
};

/// One <svg> element. Variables: --ink, --ink2, --grid, --page and --s1 … --s6 for the series.
std::string render_svg(const Chart& chart, const ChartDetail& detail = {});

/// What the chart shows in a sentence, for those who do not see it.
std::string describe_chart(const Chart& chart);

}  // namespace r1
