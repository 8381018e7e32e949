#include <algorithm>

#include "recipes/eval_suite.h"
#include "recipes/html.h"
#include "recipes/page.h"
#include "recipes/run_emergence.h"

namespace r1 {
namespace {

std::string name_of(const EvalSuite& suite, const EvalCell& cell) {
  const bool one_set = std::all_of(suite.cells.begin(), suite.cells.end(), [&](const EvalCell& c) {
    return c.data == suite.cells[0].data;
  });
  return one_set ? cell.model : cell.model + " · " + cell.data;
}

std::string share(const Estimate& e) {
  return percent_text(e.mean) + " ± " + percent_text(e.error);
}

std::string results(const EvalSuite& suite) {
  std::vector<std::vector<std::string>> rows;
  for (const EvalCell& cell : suite.cells) {
    const EvalSummary& s = cell.evaluated.summary;
    rows.push_back({cell.model, cell.data, percent_text(s.pass_at_1),
                    "± " + percent_text(s.pass_at_1_stderr),
                    s.cons_at.empty() ? "–" : percent_text(s.cons_at_k),
                    percent_text(s.pass_at_k.rbegin()->second), percent_text(s.format_rate),
                    compact_text(s.mean_length), percent_text(s.truncated_rate),
                    s.language_shares.empty() ? "–" : percent_text(s.one_language_rate)});
  }
  const int k = suite.cells[0].evaluated.summary.cons_k;
  return html_table("Each model on each data set",
                    {"model", "data", "pass@1", "standard error", fmt::format("cons@{}", k),
                     fmt::format("pass@{}", k), "format", "length", "truncated", "one language"},
                    rows);
}

std::string differences(const EvalSuite& suite) {
  std::vector<std::vector<std::string>> rows;
  for (const EvalDifference& d : suite.differences) {
    const bool is_share = d.figure != "bits per byte";
    rows.push_back({d.model, d.set, d.figure,
                    (d.difference.mean >= 0 ? "+" : "") +
                        (is_share ? percent_text(d.difference.mean)
                                  : fmt::format("{:.3f}", d.difference.mean)),
                    "± " + (is_share ? percent_text(d.difference.error)
                                     : fmt::format("{:.3f}", d.difference.error))});
  }
  return rows.empty()
             ? ""
             : html_table("The same items for both: model less first model",
                          {"model", "set", "figure", "difference", "standard error"}, rows);
}

std::string general(const EvalSuite& suite) {
  std::vector<std::vector<std::string>> rows;
  for (const GeneralCell& g : suite.general)
    rows.push_back({g.model, g.set, g.higher_is_better ? "accuracy" : "bits per byte",
                    g.higher_is_better
                        ? share(g.estimate)
                        : fmt::format("{:.3f} ± {:.3f}", g.estimate.mean, g.estimate.error)});
  return rows.empty() ? ""
                      : html_table("What the models can do besides",
                                   {"model", "set", "figure", "mean ± standard error"}, rows);
}

}  // namespace

std::vector<Chart> suite_charts(const EvalSuite& suite) {
  Chart votes{.title = "Majority voting",
              .x_label = "k, completions that vote",
              .y_label = "cons@k",
              .percent = true};
  Chart passes{.title = "pass@k",
               .x_label = "k, completions",
               .y_label = "at least one right",
               .percent = true};
  Chart budget{.title = "Test-time compute",
               .x_label = "thinking tokens",
               .y_label = "pass@1",
               .percent = true};
  Chart length{
      .title = "Length against difficulty", .x_label = "difficulty", .y_label = "tokens, mean"};
  for (const EvalCell& cell : suite.cells) {
    const std::string name = name_of(suite, cell);
    const auto add_by_k = [&](Chart& chart, const std::map<int, Estimate>& values) {
      Series series{name};
      for (const auto& [k, e] : values) {
        series.points.emplace_back(k, e.mean);
        series.errors.push_back(e.error);
      }
      if (series.points.size() > 1) chart.series.push_back(std::move(series));
    };
    add_by_k(votes, cell.evaluated.summary.cons_at);
    add_by_k(passes, cell.evaluated.summary.pass_at);
    Series spent{name}, lengths{name};
    for (const BudgetPoint& p : cell.budget) {
      spent.points.emplace_back(p.thinking_tokens, p.accuracy.mean);
      spent.errors.push_back(p.accuracy.error);
    }
    for (const LengthByDifficulty& row : cell.lengths)
      lengths.points.emplace_back(row.difficulty, row.mean_length);
    if (spent.points.size() > 1) budget.series.push_back(std::move(spent));
    if (lengths.points.size() > 1) length.series.push_back(std::move(lengths));
  }
  std::vector<Chart> charts;
  for (Chart* chart : {&budget, &votes, &passes, &length}) {
    if (!chart->series.empty()) charts.push_back(std::move(*chart));
  }
  return charts;
}

std::string suite_page(const EvalSuite& suite, const std::string& machine,
                       const std::string& command) {
  std::vector<std::pair<std::string, ReflectionStats>> stages;
  for (const EvalCell& cell : suite.cells)
    stages.emplace_back(name_of(suite, cell), cell.reflection);
  return open_page("Evaluation", suite.protocol, machine, command) +
         section("results", "Results", results(suite)) +
         section("differences", "Against the first model", differences(suite)) +
         section("curves", "Curves", chart_grid(suite_charts(suite))) +
         section("general", "General ability", general(suite)) +
         section("emergence", "Reflection and self-correction", reflection_table(stages)) +
         close_page();
}

}  // namespace r1
