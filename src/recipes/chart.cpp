#include "recipes/chart.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "recipes/chart_plot.h"
#include "recipes/html.h"

namespace r1 {
namespace {

constexpr double kAxisRoom = 36, kBarAxisRoom = 40;  // below the frame
constexpr int kColours = 6;
constexpr const char* kFallback[kColours] = {"#0f766e", "#b45309", "#4f5fc4",
                                             "#6b7280", "#b8336a", "#5b7f1d"};

/// Of a series: its own, or that of its place.
std::string colour(const Plot& plot, size_t i) {
  const int own = plot.series[i].colour;
  const size_t c = (own >= 0 ? static_cast<size_t>(own) : i) % kColours;
  return fmt::format("var(--s{},{})", c + 1, kFallback[c]);
}

std::string text_at(double x, double y, std::string_view attributes, std::string_view text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" {}>{}</text>", x, y, attributes,
                     escape_html(text));
}

constexpr std::string_view kInk2 = "fill=\"var(--ink2,#6b6f76)\"";
constexpr std::string_view kInk2Middle = "fill=\"var(--ink2,#6b6f76)\" text-anchor=\"middle\"";
constexpr std::string_view kInk2End = "fill=\"var(--ink2,#6b6f76)\" text-anchor=\"end\"";

/// Names with their colours, in rows; returns how many rows. One series needs none.
int draw_legend(Plot& plot) {
  if (plot.series.size() < 2) return 0;
  double x = 0;
  int row = 0;
  for (size_t i = 0; i < plot.series.size(); ++i) {
    const std::string name = cut_text(plot.series[i].name, 48);
    const double width = 22 + text_width(name);
    if (x > 0 && x + width > kChartWidth) x = 0, ++row;
    const double y = kTitleRoom + kLegendRow * row;
    plot.svg +=
        fmt::format("<path d=\"M{0:.1f} {1:.1f}h14\" stroke=\"{2}\" stroke-width=\"{3}\"{4}/>", x,
                    y - 4, colour(plot, i), plot.has_bars() ? 8 : 2,
                    plot.series[i].dashed ? " stroke-dasharray=\"4 3\"" : "");
    plot.svg += text_at(x + 18, y, kInk2, name);
    x += width + 10;
  }
  return row + 1;
}

void draw_y_axis(Plot& plot) {
  for (const double tick : plot.y.ticks) {
    const double y = plot.at_y(tick);
    plot.svg += fmt::format("<path d=\"M{:.1f} {:.1f}H{:.1f}\" stroke=\"var(--grid,#e3e3df)\"/>",
                            plot.left, y, plot.right);
    plot.svg +=
        text_at(plot.left - 7, y + 3.8, kInk2End, tick_text(tick, plot.y.step, plot.chart.percent));
  }
}

void draw_x_axis(Plot& plot) {
  plot.svg += fmt::format("<path d=\"M{:.1f} {:.1f}H{:.1f}\" stroke=\"var(--ink2,#6b6f76)\"/>",
                          plot.left, plot.bottom, plot.right);
  for (const double tick : plot.x.ticks) {
    plot.svg += text_at(plot.at_x(tick), plot.bottom + 15, kInk2Middle,
                        tick_text(tick, plot.x.step, false));
  }
  plot.svg += text_at(plot.right, plot.bottom + 30, kInk2End, plot.chart.x_label);
}

std::string line_path(const Plot& plot, const Series& s) {
  std::string d;
  for (const auto& [x, y] : s.points) {
    d += fmt::format("{}{:.1f} {:.1f}", d.empty() ? 'M' : 'L', plot.at_x(x), plot.at_y(y));
  }
  return d;
}

/// What lies behind a line: y ± error, or for a single series the ground below it.
std::string area_path(const Plot& plot, const Series& s) {
  std::string d;
  if (s.errors.empty()) {
    if (plot.series.size() > 1 || plot.y.low != 0) return d;
    return line_path(plot, s) +
           fmt::format("V{:.1f}H{:.1f}Z", plot.bottom, plot.at_x(s.points[0].first));
  }
  for (size_t i = 0; i < s.points.size(); ++i) {
    d += fmt::format("{}{:.1f} {:.1f}", d.empty() ? 'M' : 'L', plot.at_x(s.points[i].first),
                     plot.at_y(s.points[i].second + s.errors[i]));
  }
  for (size_t i = s.points.size(); i-- > 0;) {
    d += fmt::format("L{:.1f} {:.1f}", plot.at_x(s.points[i].first),
                     plot.at_y(s.points[i].second - s.errors[i]));
  }
  return d + "Z";
}

std::string tooltip(const Plot& plot, const Series& s, size_t i) {
  const auto [x, y] = s.points[i];
  std::string text = s.name.empty() ? "" : s.name + ", ";
  text += plot.has_bars() ? plot.chart.categories[static_cast<size_t>(x)]
                          : fmt::format("{} {}", plot.chart.x_label, compact_text(x));
  text += ": " + value_text(plot.chart, y);
  if (!s.errors.empty()) text += " ± " + value_text(plot.chart, s.errors[i]);
  return "<title>" + escape_html(text) + "</title>";
}

/// y ± error as a line with ends.
void draw_whisker(Plot& plot, const Series& s, size_t i, const std::string& colour) {
  const auto [x, y] = s.points[i];
  const double high = plot.at_y(y + s.errors[i]), low = plot.at_y(y - s.errors[i]);
  if (low - high < 1) return;
  plot.svg += fmt::format(
      "<path d=\"M{0:.1f} {1:.1f}h5m-2.5 0V{2:.1f}m-2.5 0h5\" fill=\"none\" stroke=\"{3}\"/>",
      plot.at_x(x) - 2.5, high, low, colour);
}

/// Few points are dots; of many only some answer to the mouse, unseen until then.
void draw_points(Plot& plot, const Series& s, const std::string& colour) {
  const size_t n = s.points.size(), most = std::max<size_t>(plot.detail.max_tooltips, 1);
  const size_t stride = (n + most - 1) / most;
  for (size_t i = 0; i < n; i += std::max<size_t>(stride, 1)) {
    const double x = plot.at_x(s.points[i].first), y = plot.at_y(s.points[i].second);
    if (stride <= 1 && i + 1 < n && n > 1) {
      plot.svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2\"/>", x, y);
    }
    if (stride <= 1 && !s.errors.empty()) draw_whisker(plot, s, i, colour);
    plot.svg += fmt::format("<circle class=\"hit\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"7\">{}</circle>",
                            x, y, tooltip(plot, s, i));
  }
}

void draw_line(Plot& plot, size_t i) {
  const Series& s = plot.series[i];
  if (s.points.empty()) return;
  plot.svg += fmt::format("<g fill=\"{}\">", colour(plot, i));
  const std::string area = area_path(plot, s);
  if (!area.empty()) plot.svg += "<path d=\"" + area + "\" fill-opacity=\".13\"/>";
  plot.svg += fmt::format(
      "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" "
      "stroke-linejoin=\"round\"{}/>",
      line_path(plot, s), colour(plot, i), s.points.size() > 120 ? 1.2 : 1.9,
      s.dashed ? " stroke-dasharray=\"5 4\"" : "");
  const auto [x, y] = s.points.back();
  plot.svg += fmt::format(
      "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.6\" stroke=\"var(--card,#fff)\" "
      "stroke-width=\"1.5\"/>",
      plot.at_x(x), plot.at_y(y));
  draw_points(plot, s, colour(plot, i));
  plot.svg += "</g>";
}

/// The last values, to the right of their lines, moved apart where they would overlap.
void draw_end_values(Plot& plot) {
  struct Label {
    double y, x;
    size_t series;
  };
  std::vector<Label> labels;
  for (size_t i = 0; i < plot.series.size(); ++i) {
    if (plot.series[i].points.empty()) continue;
    const auto [x, y] = plot.series[i].points.back();
    labels.push_back({plot.at_y(y), plot.at_x(x), i});
  }
  std::stable_sort(labels.begin(), labels.end(), [](auto& a, auto& b) { return a.y < b.y; });
  constexpr double kGap = 12.5;
  for (size_t i = 1; i < labels.size(); ++i)
    labels[i].y = std::max(labels[i].y, labels[i - 1].y + kGap);
  double limit = plot.bottom;
  for (size_t i = labels.size(); i-- > 0; limit = labels[i].y - kGap) {
    labels[i].y = std::min(labels[i].y, limit);
  }
  for (const Label& label : labels) {
    const double y = plot.series[label.series].points.back().second;
    plot.svg += text_at(plot.right + 7, label.y + 3.8,
                        fmt::format("fill=\"{}\" font-weight=\"600\"", colour(plot, label.series)),
                        value_text(plot.chart, y));
  }
}

/// The name of a category in at most two rows as wide as its slot.
void draw_category(Plot& plot, size_t i, double slot) {
  const std::string& name = plot.chart.categories[i];
  const auto columns = static_cast<size_t>(std::max(1.0, slot / (0.56 * kChartFontSize)));
  std::string first = name, second;
  for (size_t space = name.find(' '); text_columns(name) > columns && space != std::string::npos;
       space = name.find(' ', space + 1)) {
    if (text_columns(name.substr(0, space)) > columns && !second.empty()) break;
    first = name.substr(0, space), second = name.substr(space + 1);
  }
  const double x = plot.left + slot * (static_cast<double>(i) + 0.5);
  plot.svg += text_at(x, plot.bottom + 15, kInk2Middle, cut_text(first, columns));
  if (!second.empty())
    plot.svg += text_at(x, plot.bottom + 28, kInk2Middle, cut_text(second, columns));
}

void draw_bar(Plot& plot, const Series& s, size_t i, double x, double width) {
  const double y = s.points[i].second, end = plot.at_y(y), zero = plot.at_y(0);
  plot.svg += fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"2\">{}</rect>", x,
      std::min(end, zero), width, std::fabs(end - zero), tooltip(plot, s, i));
  double text_y = std::min(end, zero);
  if (!s.errors.empty()) {
    const double high = plot.at_y(y + s.errors[i]), low = plot.at_y(y - s.errors[i]);
    plot.svg += fmt::format("<path d=\"M{0:.1f} {1:.1f}V{2:.1f}\" stroke=\"var(--ink,#1c1d1f)\"/>",
                            x + width / 2, high, low);
    text_y = std::min(text_y, high);
  }
  plot.svg +=
      text_at(x + width / 2, text_y - 4, "fill=\"var(--ink,#1c1d1f)\" text-anchor=\"middle\"",
              plot.chart.percent ? percent_text(y, 0) : compact_text(y));
}

void draw_bars(Plot& plot) {
  const auto n = static_cast<double>(plot.chart.categories.size());
  const double slot = (plot.right - plot.left) / n;
  const double width = std::min(slot * 0.72 / static_cast<double>(plot.series.size()), 46.0);
  const double group = width * static_cast<double>(plot.series.size());
  for (size_t i = 0; i < plot.series.size(); ++i) {
    plot.svg += fmt::format("<g fill=\"{}\">", colour(plot, i));
    for (size_t p = 0; p < plot.series[i].points.size(); ++p) {
      const double middle = plot.left + slot * (plot.series[i].points[p].first + 0.5);
      draw_bar(plot, plot.series[i], p, middle - group / 2 + width * static_cast<double>(i),
               width * 0.92);
    }
    plot.svg += "</g>";
  }
  for (size_t i = 0; i < plot.chart.categories.size(); ++i) draw_category(plot, i, slot);
}

/// A vertical line with its label on the side that has more room.
void draw_marks(Plot& plot) {
  for (const Mark& mark : plot.chart.marks) {
    if (!(mark.x >= plot.x.low && mark.x <= plot.x.high)) continue;
    const double x = plot.at_x(mark.x);
    plot.svg += fmt::format(
        "<path class=\"mark\" d=\"M{:.1f} {:.1f}V{:.1f}\" stroke=\"var(--ink,#1c1d1f)\" "
        "stroke-dasharray=\"2 3\"/>",
        x, plot.top, plot.bottom);
    const bool is_left = x - plot.left > plot.right - x;
    plot.svg += text_at(is_left ? x - 5 : x + 5, plot.bottom - 6,
                        fmt::format("fill=\"var(--ink,#1c1d1f)\" font-weight=\"600\" "
                                    "stroke=\"var(--card,#fff)\" stroke-width=\"4\" "
                                    "paint-order=\"stroke\"{}",
                                    is_left ? " text-anchor=\"end\"" : ""),
                        mark.label);
  }
}

void draw_axes_and_marks(Plot& plot) {
  draw_y_axis(plot);
  if (plot.has_bars()) {
    draw_bars(plot);
    plot.svg += fmt::format("<path d=\"M{:.1f} {:.1f}H{:.1f}\" stroke=\"var(--ink2,#6b6f76)\"/>",
                            plot.left, plot.at_y(0), plot.right);
    return;
  }
  draw_x_axis(plot);
  for (size_t i = plot.series.size(); i-- > 0;) draw_line(plot, i);  // the first lies on top
  draw_marks(plot);
  draw_end_values(plot);
}

}  // namespace

std::string describe_chart(const Chart& chart) {
  std::string text = chart.title + (chart.y_label.empty() ? "" : ", " + chart.y_label) + ".";
  for (const Series& raw : chart.series) {
    const Series s = drawable_series(raw, chart, 400);
    text += " " + (raw.name.empty() ? "" : raw.name + ": ");
    if (s.points.empty()) {
      text += "no data.";
    } else if (!chart.categories.empty()) {
      for (const auto& [x, y] : s.points) {
        text += chart.categories[static_cast<size_t>(x)] + " " + value_text(chart, y) + "; ";
      }
    } else {
      const auto [x0, y0] = s.points.front();
      const auto [x1, y1] = s.points.back();
      text += fmt::format("from {} at {} {} to {} at {}.", value_text(chart, y0), chart.x_label,
                          compact_text(x0), value_text(chart, y1), compact_text(x1));
    }
  }
  for (const Mark& mark : chart.marks) {
    text += fmt::format(" Marked at {} {}: {}.", chart.x_label, compact_text(mark.x), mark.label);
  }
  return text;
}

std::string render_svg(const Chart& chart, const ChartDetail& detail) {
  Plot plot = make_plot(chart, detail);
  const int legend_rows = draw_legend(plot);
  place_frame(plot, legend_rows);
  plot.svg += text_at(0, 13, "fill=\"var(--ink,#1c1d1f)\" font-size=\"13.5\" font-weight=\"650\"",
                      chart.title);
  plot.svg += text_at(0, 28, kInk2, chart.y_label);
  if (plot.is_empty()) {
    plot.svg += text_at(kChartWidth / 2, plot.top + kPlotHeight / 2, kInk2Middle, "no data yet");
  } else {
    draw_axes_and_marks(plot);
  }
  const double height = plot.bottom + (plot.has_bars() ? kBarAxisRoom : kAxisRoom);
  return fmt::format(
      "<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {:.0f}\" "
      "role=\"img\" "
      "aria-label=\"{}\" font-family=\"system-ui,-apple-system,'Segoe UI',sans-serif\" "
      "font-size=\"{}\">"
      "<style>.hit{{fill-opacity:0}}.hit:hover{{fill-opacity:.25}}</style>{}</svg>",
      kChartWidth, height, escape_html(describe_chart(chart)), kChartFontSize, plot.svg);
}

}  // namespace r1
