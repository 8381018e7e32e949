// What all charts of a pipeline share: colours of stages, several charts for many, smoothing.
#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/log.h"
#include "recipes/pipeline_page.h"

namespace r1 {
namespace {

constexpr size_t kSeriesInChart = 6;  // as many as there are colours
constexpr int kColours = 6, kBaseColour = 3;
constexpr std::array<int, 5> kColourOrder = {0, 1, 2, 4, 5};  // grey is that of the bases

struct Look {
  int colour = kBaseColour;
  bool dashed = false;

  auto operator<=>(const Look&) const = default;
};

bool makes_model(const StageFacts& s) {
  const std::string& verb = s.stage->verb;
  return verb == "pretrain" || verb == "rl" || verb == "sft" || verb == "distill";
}

Look look_of(const PipelineFacts& facts, const StageFacts& stage) {
  for (const StagePair& pair : facts.with_and_without_language()) {
    if (pair.second == &stage) return {look_of(facts, *pair.first).colour, true};
  }
  const std::string family = facts.family_of(stage);
  if (stage.stage->name == family) return {};
  size_t place = 0;
  for (const StageFacts& other : facts.stages) {
    if (&other == &stage) break;
    place += makes_model(other) && !is_ablation(facts, other) && other.stage->name != family &&
             facts.family_of(other) == family;
  }
  return {kColourOrder[place % kColourOrder.size()], false};
}

std::string family_of(const PipelineFacts& facts, const ModelFacts& m) {
  return m.made ? facts.family_of(*m.made) : m.reference;
}

}  // namespace

bool is_ablation(const PipelineFacts& facts, const StageFacts& stage) {
  for (const StagePair& pair : facts.with_and_without_language()) {
    if (pair.second == &stage) return true;
  }
  return false;
}

void set_colour(const PipelineFacts& facts, const StageFacts& stage, Series& series) {
  const Look look = look_of(facts, stage);
  series.colour = look.colour, series.dashed = look.dashed;
}

Series curve_of(const PipelineFacts& facts, const StageFacts& stage, const std::string& metric) {
  Series series = held_out_series(stage, metric);
  set_colour(facts, stage, series);
  return series;
}

void add_chart(std::vector<Chart>& charts, const Chart& blank, std::vector<Series> series) {
  std::erase_if(series, [](const Series& s) { return s.points.size() < 2; });
  for (size_t begin = 0; begin < series.size(); begin += kSeriesInChart) {
    Chart chart = blank;
    if (begin > 0) chart.title += fmt::format(" ({})", begin / kSeriesInChart + 1);
    std::set<Look> taken;
    for (size_t i = begin; i < std::min(series.size(), begin + kSeriesInChart); ++i) {
      Series& one = series[i];
      if (one.colour < 0) one.colour = 0;
      for (int n = 0; n < kColours && taken.contains({one.colour, one.dashed}); ++n)
        one.colour = (one.colour + 1) % kColours;
      taken.insert({one.colour, one.dashed});
      chart.series.push_back(std::move(one));
    }
    charts.push_back(std::move(chart));
  }
}

Series smoothed(Series series, size_t n) {
  const size_t size = series.points.size();
  if (size <= n) return series;
  std::vector<std::pair<double, double>> means;
  for (size_t i = 0; i < n; ++i) {
    const size_t begin = size * i / n, end = size * (i + 1) / n;
    double x = 0, y = 0;
    for (size_t j = begin; j < end; ++j) x += series.points[j].first, y += series.points[j].second;
    const auto count = static_cast<double>(end - begin);
    means.emplace_back(x / count, y / count);
  }
  series.points = std::move(means), series.errors.clear();
  return series;
}

std::vector<Chart> model_charts(const PipelineFacts& facts) {
  std::vector<std::pair<std::string, std::string>> groups;  // family, data
  std::set<std::string> families, sets;
  for (const ModelFacts& m : facts.models) {
    const std::pair group(family_of(facts, m), m.cell.data);
    families.insert(group.first), sets.insert(group.second);
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
  }
  std::vector<Chart> all;
  for (const auto& [family, data] : groups) {
    EvalSuite suite;
    std::vector<const StageFacts*> stages;
    for (const ModelFacts& m : facts.models) {
      if (family_of(facts, m) != family || m.cell.data != data) continue;
      if (m.made && is_ablation(facts, *m.made)) continue;  // it has its own section
      suite.cells.push_back(m.cell);
      suite.cells.back().model = m.name;
      stages.push_back(m.made);
    }
    for (Chart& chart : suite_charts(suite)) {
      for (Series& series : chart.series) {
        for (size_t i = 0; i < stages.size(); ++i) {
          if (suite.cells[i].model != series.name) continue;
          if (stages[i])
            set_colour(facts, *stages[i], series);
          else
            series.colour = kBaseColour;
        }
      }
      if (families.size() > 1) chart.title += " · from " + family;
      if (sets.size() > 1) chart.title += " · " + data;
      std::vector<Series> series = std::move(chart.series);
      chart.series.clear();
      add_chart(all, chart, std::move(series));
    }
  }
  return all;
}

}  // namespace r1
