#include <algorithm>
#include <nlohmann/json.hpp>

#include "eval/by_position.h"
#include "recipes/eval_suite.h"
#include "recipes/text_table.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;
using Row = TextRow;

std::string with_error(const Estimate& e, bool is_signed = false) {
  return fmt::format("{}{:.3f} ± {:.3f}", is_signed && e.mean >= 0 ? "+" : "", e.mean, e.error);
}

std::vector<Row> cell_rows(const EvalSuite& suite) {
  std::vector<Row> rows{{"model", "data", "problems", "pass@1", "95 %", "cons@k", "pass@k",
                         "format", "length", "truncated", "one language"}};
  for (const EvalCell& cell : suite.cells) {
    const EvalSummary& s = cell.evaluated.summary;
    const int k = s.pass_at_k.rbegin()->first;
    rows.push_back(
        {cell.model, cell.data,
         fmt::format("{} × {}", s.n_problems, s.n_samples / std::max<int64_t>(1, s.n_problems)),
         fmt::format("{:.3f} ± {:.3f}", s.pass_at_1, s.pass_at_1_stderr),
         fmt::format("{:.3f}–{:.3f}", s.pass_at_1_interval.low, s.pass_at_1_interval.high),
         s.cons_at.empty() ? "–" : fmt::format("{:.3f} @{}", s.cons_at_k, s.cons_k),
         fmt::format("{:.3f} @{}", s.pass_at_k.at(k), k), fmt::format("{:.3f}", s.format_rate),
         fmt::format("{:.1f}", s.mean_length), fmt::format("{:.3f}", s.truncated_rate),
         s.language_shares.empty() ? "–" : fmt::format("{:.3f}", s.one_language_rate)});
  }
  return rows;
}

std::vector<Row> general_rows(const EvalSuite& suite) {
  std::vector<Row> rows{{"model", "general ability", "figure", "mean"}};
  for (const GeneralCell& g : suite.general)
    rows.push_back({g.model, g.set, g.higher_is_better ? "accuracy" : "bits per byte",
                    with_error(g.estimate)});
  return rows;
}

std::vector<Row> difference_rows(const EvalSuite& suite) {
  std::vector<Row> rows{{"model", "set", "figure", "against the first", "95 %"}};
  for (const EvalDifference& d : suite.differences)
    rows.push_back(
        {d.model, d.set, d.figure, with_error(d.difference, true),
         fmt::format("{:+.3f}–{:+.3f}", d.difference.interval.low, d.difference.interval.high)});
  return rows;
}

std::vector<Row> budget_rows(const EvalSuite& suite) {
  std::vector<Row> rows{{"model", "data", "thinking budget", "thinking tokens", "cut", "pass@1"}};
  for (const EvalCell& cell : suite.cells) {
    for (const BudgetPoint& p : cell.budget)
      rows.push_back({cell.model, cell.data, p.budget < 0 ? "none" : fmt::format("{}", p.budget),
                      fmt::format("{:.1f}", p.thinking_tokens),
                      fmt::format("{:.3f}", p.forced_rate), with_error(p.accuracy)});
  }
  return rows;
}

Json json_of(const Estimate& e) {
  return {{"mean", e.mean}, {"stderr", e.error}, {"interval", {e.interval.low, e.interval.high}}};
}

Json reflection_json(const ReflectionStats& s) {
  return {{"words", s.words},
          {"words_per_completion", s.rate(s.n_words)},
          {"rate", s.rate(s.n_with_words)},
          {"rescued", s.rate(s.n_rescued)},
          {"broken", s.rate(s.n_broken)},
          {"lines", s.n_lines},
          {"right_lines", s.n_right_lines},
          {"line_rescues", s.lines.n_rescues},
          {"line_breaks", s.lines.n_breaks},
          {"length_with_words", s.length_with},
          {"length_without", s.length_without}};
}

/// The first completions of a few problems, evenly chosen: the same of every model.
Json examples_json(const EvalCell& cell) {
  constexpr size_t kExamples = 3;
  Json list = Json::array();
  const size_t n = cell.problems.size(), shown = std::min(n, kExamples);
  for (size_t i = 0; i < shown; ++i) {
    const size_t p = i * n / shown;
    const auto it = std::find_if(
        cell.evaluated.episodes.begin(), cell.evaluated.episodes.end(),
        [&](const Episode& e) { return static_cast<size_t>(e.problem) == p && e.sample == 0; });
    if (it == cell.evaluated.episodes.end()) continue;
    const Problem& problem = cell.problems[p];
    const auto& parts = it->score.parts;
    list.push_back({{"id", problem.id},
                    {"question", problem.messages.empty() ? "" : problem.messages.back().content},
                    {"answer", problem.answer},
                    {"completion", it->text},
                    {"correct", parts.empty() ? 0.0 : parts[0].second},
                    {"format", parts.size() < 2 ? 0.0 : parts[1].second},
                    {"reward", it->score.value}});
  }
  return list;
}

Json cell_json(const EvalCell& cell) {
  Json json = Json::parse(summary_to_json(cell.evaluated.summary));
  json["judge"] = cell.judge;
  json["n_tokens"] = cell.evaluated.n_tokens;
  if (cell.evaluated.engine.n_drafted > 0)
    json["spec/acceptance_rate"] = cell.evaluated.engine.acceptance_rate();
  const auto positions = accuracy_by_position(cell.problems, cell.evaluated.episodes);
  if (!positions.empty()) json["by_position"] = Json::parse(positions_to_json(positions));
  json["reflection"] = reflection_json(cell.reflection);
  for (const LengthByDifficulty& row : cell.lengths)
    json["length_by_difficulty"].push_back({{"difficulty", row.difficulty},
                                            {"n", row.n},
                                            {"mean_length", row.mean_length},
                                            {"accuracy", row.accuracy}});
  for (const BudgetPoint& p : cell.budget) {
    Json point{{"budget", p.budget < 0 ? Json() : Json(p.budget)},
               {"thinking_tokens", p.thinking_tokens},
               {"cut", p.forced_rate}};
    point["pass@1"] = json_of(p.accuracy);
    json["thinking_budget"].push_back(point);
  }
  json["examples"] = examples_json(cell);
  return json;
}

}  // namespace

std::string suite_table(const EvalSuite& suite, bool markdown) {
  std::string text = text_table(cell_rows(suite), 2, markdown);
  if (suite.general.size() > 0) text += "\n" + text_table(general_rows(suite), 3, markdown);
  if (suite.differences.size() > 0) text += "\n" + text_table(difference_rows(suite), 3, markdown);
  const std::vector<Row> budgets = budget_rows(suite);
  if (budgets.size() > 1) text += "\n" + text_table(budgets, 2, markdown);
  return text + "\n" + suite.protocol + "\n";
}

std::string suite_json(const EvalSuite& suite) {
  Json json = Json::object();
  const bool is_single = suite.cells.size() == 1;
  if (is_single) {
    json = cell_json(suite.cells[0]);
  } else {
    for (const EvalCell& cell : suite.cells) {
      Json row{{"model", cell.model}, {"data", cell.data}};
      row.update(cell_json(cell));
      json["results"].push_back(row);
    }
  }
  for (const GeneralCell& g : suite.general)
    json["general"].push_back({{"model", g.model},
                               {"set", g.set},
                               {"figure", g.higher_is_better ? "accuracy" : "bits per byte"},
                               {"value", json_of(g.estimate)}});
  for (const EvalDifference& d : suite.differences)
    json["differences"].push_back({{"model", d.model},
                                   {"set", d.set},
                                   {"figure", d.figure},
                                   {"difference", json_of(d.difference)}});
  json["protocol"] = suite.protocol;
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace r1
