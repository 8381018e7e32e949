#include "recipes/chart.h"

#include <gtest/gtest.h>

#include <cmath>

#include "recipes/chart_scale.h"
#include "recipes/markup.h"

namespace r1 {
namespace {

using Ticks = std::vector<double>;

void expect_ticks(const Scale& scale, const Ticks& ticks) {
  ASSERT_EQ(scale.ticks.size(), ticks.size());
  for (size_t i = 0; i < ticks.size(); ++i) EXPECT_NEAR(scale.ticks[i], ticks[i], 1e-12);
}

TEST(ChartScale, PicksKnownTicks) {
  expect_ticks(nice_scale(0, 1, 5, true), {0, 0.2, 0.4, 0.6, 0.8, 1});
  expect_ticks(nice_scale(0, 50, 5, false), {0, 10, 20, 30, 40, 50});
  expect_ticks(nice_scale(3.1, 9.7, 5, true), {2, 4, 6, 8, 10});
  expect_ticks(nice_scale(3.1, 9.7, 5, false), {4, 6, 8});
  expect_ticks(nice_scale(-1, 1, 4, true), {-1, -0.5, 0, 0.5, 1});
  expect_ticks(nice_scale(0, 7e-4, 5, true), {0, 2e-4, 4e-4, 6e-4, 8e-4});
  EXPECT_EQ(nice_scale(3.1, 9.7, 5, false).low, 3.1);
  EXPECT_EQ(nice_scale(3.1, 9.7, 5, true).high, 10);
}

TEST(ChartScale, HasWidthForAnyEnds) {
  const double ends[] = {0, 1, -3, 1e-300, 1e300, 1e308, -1e308, INFINITY, -INFINITY, NAN, 5e-324};
  for (const double low : ends) {
    for (const double high : ends) {
      for (const bool widen : {false, true}) {
        const Scale scale = nice_scale(low, high, 5, widen);
        EXPECT_LT(scale.low, scale.high) << low << " " << high;
        EXPECT_LE(scale.ticks.size(), 12u) << low << " " << high;
      }
    }
  }
}

TEST(ChartScale, WritesTicksAsTheirStepNeeds) {
  EXPECT_EQ(tick_text(0.4, 0.2, false), "0.4");
  EXPECT_EQ(tick_text(1, 0.2, false), "1.0");
  EXPECT_EQ(tick_text(10, 5, false), "10");
  EXPECT_EQ(tick_text(0.4, 0.2, true), "40 %");
  EXPECT_EQ(tick_text(0.005, 0.005, true), "0.5 %");
  EXPECT_EQ(tick_text(1.5e6, 5e5, false), "1.5M");
  EXPECT_EQ(tick_text(4e-4, 2e-4, false), "4e-4");
  EXPECT_EQ(tick_text(-1e-18, 0.5, false), "0");
}

TEST(ChartScale, ThinningKeepsEndsAndPeaks) {
  std::vector<std::pair<double, double>> points;
  for (int i = 0; i < 10000; ++i) points.emplace_back(i, i == 7321 ? 50.0 : 1.0);
  const auto kept = thin_points(points, 100);
  ASSERT_EQ(kept.size(), 100u);
  EXPECT_EQ(kept.front(), 0u);
  EXPECT_EQ(kept.back(), 9999u);
  EXPECT_TRUE(std::find(kept.begin(), kept.end(), 7321u) != kept.end());
  EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end()));
  points.resize(100);
  EXPECT_EQ(thin_points(points, 100).size(), 100u);
  EXPECT_TRUE(thin_points({}, 3).empty());
}

Chart line_chart() {
  return {"Accuracy", "step", "pass@1", {{"zero", {{0, 0.1}, {10, 0.9}}}, {"r1", {{0, 0.2}}, true}},
          {},         {},     true,     {}};
}

TEST(Chart, DrawsLinesWithTooltipsAndLegend) {
  const std::string svg = render_svg(line_chart());
  EXPECT_EQ(markup_fault(svg), "");
  EXPECT_NE(svg.find("<title>zero, step 10: 90.0 %</title>"), std::string::npos);
  EXPECT_NE(svg.find("viewBox=\"0 0 360 "), std::string::npos);
  EXPECT_NE(svg.find("stroke-dasharray"), std::string::npos);
  EXPECT_NE(svg.find("role=\"img\""), std::string::npos);
  EXPECT_EQ(svg.find("<script"), std::string::npos);
}

TEST(Chart, IsDescribedInWords) {
  EXPECT_EQ(
      describe_chart(line_chart()),
      "Accuracy, pass@1. zero: from 10.0 % at step 0 to 90.0 % at 10. r1: from 20.0 % at step 0 to "
      "20.0 % at 0.");
}

TEST(Chart, EmptySeriesSaysSo) {
  for (const Chart& chart :
       {Chart{}, Chart{"T", "x", "y", {{"a", {}}}, {}, {}, false, {}},
        Chart{"T", "x", "y", {{"a", {{NAN, 1}, {1, INFINITY}}}}, {}, {}, false, {}}}) {
    const std::string svg = render_svg(chart);
    EXPECT_EQ(markup_fault(svg), "");
    EXPECT_NE(svg.find("no data yet"), std::string::npos);
  }
}

TEST(Chart, SkipsPointsThatAreNotFinite) {
  Chart chart{
      "T",
      "x",
      "",
      {{"a", {{0, 1}, {1, NAN}, {2, INFINITY}, {3, 2}, {4, 1e308}}, false, {1, 1, 1, NAN, 1}}},
      {},
      {},
      false,
      {}};
  const std::string svg = render_svg(chart);
  EXPECT_EQ(markup_fault(svg), "");
  EXPECT_EQ(count_text(svg, "class=\"hit\""), 2u);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

TEST(Chart, EscapesNames) {
  const std::string evil = "\"><script>alert(1)</script>&";
  Chart chart{evil, evil, evil, {{evil, {{0, 1}, {1, 2}}}, {evil, {{0, 1}}}}, {}, {}, false, {}};
  EXPECT_EQ(markup_fault(render_svg(chart)), "");
  EXPECT_EQ(render_svg(chart).find("<script"), std::string::npos);
  chart.categories = {evil, evil};
  EXPECT_EQ(markup_fault(render_svg(chart)), "");
}

TEST(Chart, DrawsABarForEachPointOfACategory) {
  Chart chart{"Distil", "", "",   {{"", {{0, 0.04}, {1, 0.08}, {2, 0.4}, {3, 1}, {0.5, 1}}}},
              {},       {}, true, {"base", "RL", "a long name of many words"}};
  const std::string svg = render_svg(chart);
  EXPECT_EQ(markup_fault(svg), "");
  EXPECT_EQ(count_text(svg, "<rect"), 3u);
  EXPECT_NE(svg.find("<title>RL: 8.0 %</title>"), std::string::npos);
}

TEST(Chart, LongSeriesStaySmall) {
  Chart chart{"T", "x", "", {{"a", {}}}, {}, {}, false, {}};
  for (int i = 0; i < 200000; ++i) chart.series[0].points.emplace_back(i, std::sin(i * 0.7));
  EXPECT_LT(render_svg(chart).size(), 16000u);
}

TEST(Chart, FixedEndsBoundTheMarks) {
  Chart chart = line_chart();
  chart.y_min = 0.5, chart.y_max = 0.6;
  EXPECT_EQ(markup_fault(render_svg(chart)), "");
  chart.y_min = 2, chart.y_max = 1;
  EXPECT_EQ(markup_fault(render_svg(chart)), "");
  chart.y_min = NAN, chart.y_max = INFINITY;
  EXPECT_EQ(markup_fault(render_svg(chart)), "");
  EXPECT_EQ(render_svg(chart).find("nan"), std::string::npos);
}

}  // namespace
}  // namespace r1
