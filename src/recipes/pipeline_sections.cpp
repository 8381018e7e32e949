// Comparisons of a pipeline's page: R1-Zero and R1, the language reward, distillation.
#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "recipes/html.h"
#include "recipes/page.h"
#include "recipes/pipeline_compare.h"
#include "recipes/pipeline_page.h"

namespace r1 {
namespace {

/// One row of a comparison: how good, and what it cost.
std::vector<std::string> comparison_row(const std::string& what, const PipelineFacts& facts,
                                        const StageFacts& stage) {
  const ModelFacts* m = facts.measured(&stage);
  return {what,
          m ? share_text(pass_of(*m)) : "not measured yet",
          m ? share_text(one_language_of(*m)) : "–",
          m ? percent_text(m->summary().format_rate) : "–",
          m ? fmt::format("{:.1f}", m->summary().mean_length) : "–",
          stage.steps > 0 ? std::to_string(stage.steps) : "–",
          compact_text(stage.tokens),
          flops_text(stage.flops),
          seconds_text(stage.seconds)};
}

const std::vector<std::string> kComparison{"model", "pass@1", "one language", "format", "length",
                                           "steps", "tokens", "FLOPs",        "time"};

/// A figure of the models side by side, those that have it.
void add_bars(const PipelineFacts& facts, const std::vector<const StageFacts*>& stages,
              const std::string& title, Estimate (*figure)(const ModelFacts&),
              std::vector<Chart>& charts) {
  Chart chart{.title = title,
              .x_label = "",
              .y_label = "evaluated, ± one standard error",
              .series = {{.name = title}},
              .y_min = 0,
              .percent = true};
  for (const StageFacts* stage : stages) {
    const ModelFacts* m = facts.measured(stage);
    const Estimate e = m ? figure(*m) : Estimate{kUnknown, kUnknown, {}};
    if (!std::isfinite(e.mean)) continue;
    chart.series[0].points.emplace_back(static_cast<double>(chart.categories.size()), e.mean);
    chart.series[0].errors.push_back(std::isfinite(e.error) ? e.error : 0);
    chart.categories.push_back(m->name);
  }
  if (chart.categories.size() > 1) charts.push_back(std::move(chart));
}

std::string paragraph(const std::string& text) {
  return text.empty() ? "" : "<p class=\"says\">" + escape_prose(text) + "</p>\n";
}

/// pass@1 by RL steps, on the way to a stage.
Series way_of(const PipelineFacts& facts, const StageFacts& end) {
  Series series{.name = end.stage->name};
  for (const Milestone& m : facts.milestones(end)) {
    series.points.emplace_back(static_cast<double>(m.rl_steps), m.pass.mean);
    series.errors.push_back(std::isfinite(m.pass.error) ? m.pass.error : 0);
  }
  set_colour(facts, end, series);
  return series;
}

/// A metric of the training batches by RL steps in all, on the way to a stage.
Series way_of_batches(const PipelineFacts& facts, const StageFacts& end,
                      const std::string& metric) {
  Series series{.name = end.stage->name};
  for (const Milestone& m : facts.milestones(end)) {
    if (!m.model || !m.model->made || !m.model->made->is_rl()) continue;
    const StageFacts& stage = *m.model->made;
    const auto before = static_cast<double>(m.rl_steps - stage.steps);
    for (const auto& [step, value] : metric_series(stage, metric).points)
      series.points.emplace_back(before + step, value);
  }
  set_colour(facts, end, series);
  return series;
}

std::string languages_table(const PipelineFacts& facts) {
  std::map<std::string, double> all;
  for (const ModelFacts& m : facts.models) {
    for (const auto& [code, share] : m.summary().language_shares) all[code] += share;
  }
  if (all.size() < 2) return "";
  std::vector<std::string> head{"model", "one language"};
  for (const auto& [code, share] : all) head.push_back(code);
  std::vector<std::vector<std::string>> rows;
  for (const ModelFacts& m : facts.models) {
    const auto& shares = m.summary().language_shares;
    rows.push_back({facts.label(m), share_text(one_language_of(m))});
    for (const auto& [code, share] : all)
      rows.back().push_back(shares.contains(code) ? percent_text(shares.at(code)) : "–");
  }
  return "<details>\n<summary>The languages of every model's words</summary>\n" +
         html_table("Answers in one language, and the languages of all words", head, rows) +
         "</details>\n";
}

std::string zero_and_r1(const PipelineFacts& facts) {
  const StageFacts *zero = facts.find_role("zero"), *full = facts.find_role("r1");
  if (!zero || !full || !facts.measured(zero)) return "";
  std::vector<Chart> charts;
  add_chart(charts,
            {.title = "pass@1 by RL steps",
             .x_label = "RL steps in all",
             .y_label = "held-out problems, ± one standard error",
             .y_min = 0,
             .percent = true},
            {way_of(facts, *zero), way_of(facts, *full)});
  add_chart(charts,
            {.title = "One language by RL steps",
             .x_label = "RL steps in all",
             .y_label = "share of the answers of a batch",
             .y_min = 0,
             .percent = true},
            {way_of_batches(facts, *zero, "language/one_language"),
             way_of_batches(facts, *full, "language/one_language")});
  std::vector<const StageFacts*> stages;
  for (const char* role : {"zero", "cold", "r1"}) stages.push_back(facts.find_role(role));
  add_bars(facts, stages, "Answers in one language", one_language_of, charts);
  std::string says;
  const ModelFacts& bar = *facts.measured(zero);
  const auto early = first_as_good(facts, *full, bar), itself = first_as_good(facts, *zero, bar);
  if (early && itself && early->rl_steps < itself->rl_steps)
    says = fmt::format(
        "With a cold start, RL gets there sooner: {} solves {}, after {} RL steps in all; {} needs "
        "{} to be as good as it ends, at {}.",
        early->what, share_text(early->pass), early->rl_steps, zero->stage->name, itself->rl_steps,
        share_text(pass_of(bar)));
  return paragraph(says) + chart_grid(charts) + languages_table(facts);
}

/// pass@1 by tokens of training: what it started from, held-out points on the way, the end. Dashed
/// where nothing was measured on the way.
Series learning_curve(const PipelineFacts& facts, const StageFacts& stage) {
  Series series{.name = stage.stage->name};
  const auto add = [&](double tokens, double value, double error) {
    series.points.emplace_back(tokens, value);
    series.errors.push_back(std::isfinite(error) ? error : 0);
  };
  const ModelFacts *start = facts.start_of(stage), *end = facts.measured(&stage);
  if (start) add(0, pass_of(*start).mean, pass_of(*start).error);
  const auto tokens = tokens_by_step(stage);
  const Series points = held_out_series(stage, "eval/pass@1");
  for (size_t i = 0; i < points.points.size(); ++i) {
    const auto step = static_cast<int64_t>(points.points[i].first);
    if ((step == 0 && start) || (step >= stage.steps && end)) continue;
    const auto at = std::find_if(tokens.begin(), tokens.end(),
                                 [&](const auto& line) { return line.first == step; });
    add(at->second, points.points[i].second, points.errors.empty() ? 0 : points.errors[i]);
  }
  if (end && std::isfinite(stage.tokens))
    add(stage.tokens, pass_of(*end).mean, pass_of(*end).error);
  set_colour(facts, stage, series);
  series.dashed = series.points.size() == 2;
  return series;
}

std::string distillation(const PipelineFacts& facts, const StagePair& pair) {
  if (!pair.first->is_begun() && !pair.second->is_begun()) return "";
  const StageFacts* start = facts.find(stage_referred(pair.first->model));
  std::vector<std::vector<std::string>> rows;
  if (start) rows.push_back(comparison_row(start->stage->name, facts, *start));
  rows.push_back(comparison_row(pair.second->stage->name + ", by RL", facts, *pair.second));
  rows.push_back(comparison_row(pair.first->stage->name + ", by distillation", facts, *pair.first));
  std::string says;
  const ModelFacts *a = facts.measured(pair.first), *b = facts.measured(pair.second);
  if (a && b) {
    const Estimate r = ratio_of(pass_of(*a), pass_of(*b));
    says =
        std::isfinite(r.mean)
            ? fmt::format(
                  "Learning from {}'s answers solves {:.1f} ± {:.1f} times as many "
                  "problems as the same model's own trial and error.",
                  stage_referred(pair.first->teacher).empty() ? "the teacher"
                                                              : stage_referred(pair.first->teacher),
                  r.mean, r.error)
            : "RL solves none of the problems.";
  }
  std::vector<Chart> charts;
  add_chart(charts,
            {.title = "pass@1 by tokens",
             .x_label = "tokens trained on",
             .y_label = "held-out problems, ± one standard error",
             .y_min = 0,
             .percent = true},
            {learning_curve(facts, *pair.first), learning_curve(facts, *pair.second)});
  Series right = curve_of(facts, *pair.second, reward_metric(*pair.second, ""));
  right.name = pair.second->stage->name;
  add_chart(charts,
            {.title = "RL: right answers",
             .x_label = "step",
             .y_label = "share of a batch",
             .y_min = 0,
             .percent = true},
            {std::move(right)});
  add_chart(charts,
            {.title = "Distillation: loss",
             .x_label = "step",
             .y_label = "nats a token, means of neighbours",
             .y_min = 0},
            {smoothed(curve_of(facts, *pair.first, "loss"))});
  return paragraph(says) +
         html_table("The same student, by distillation and by RL", kComparison, rows) +
         chart_grid(charts);
}

std::string language(const PipelineFacts& facts, const StagePair& pair) {
  if (!pair.first->is_begun() && !pair.second->is_begun()) return "";
  std::vector<Chart> charts;
  const auto both = [&](const Chart& chart, const auto& metric) {
    add_chart(charts, chart,
              {curve_of(facts, *pair.first, metric(*pair.first)),
               curve_of(facts, *pair.second, metric(*pair.second))});
  };
  both({.title = "One language",
        .x_label = "step",
        .y_label = "share of the answers of a batch",
        .percent = true},
       [](const StageFacts&) { return std::string("language/one_language"); });
  both(
      {.title = "Right answers", .x_label = "step", .y_label = "share of a batch", .percent = true},
      [](const StageFacts& s) { return reward_metric(s, ""); });
  add_bars(facts, {pair.first, pair.second}, "Answers in one language", one_language_of, charts);
  std::string says;
  const ModelFacts *on = facts.measured(pair.first), *off = facts.measured(pair.second);
  if (on && off)
    says = fmt::format("The reward changes one-language answers by {} and right answers by {}.",
                       points_text(one_language_difference(*on, *off)),
                       points_text(pass_difference(*on, *off)));
  return paragraph(says) +
         html_table(
             "RL with and without a reward for keeping to one language", kComparison,
             {comparison_row(pair.first->stage->name + ", with it", facts, *pair.first),
              comparison_row(pair.second->stage->name + ", without it", facts, *pair.second)}) +
         chart_grid(charts);
}

}  // namespace

std::string pipeline_comparisons(const PipelineFacts& facts) {
  std::string html = section("zero-and-r1", "R1-Zero and R1", zero_and_r1(facts));
  int n = 0;  // ids are unique
  for (const StagePair& pair : facts.with_and_without_language())
    html += section(fmt::format("language-{}", ++n), "Language reward on and off",
                    language(facts, pair));
  for (const StagePair& pair : facts.distilled_against_rl())
    html += section(fmt::format("distillation-{}", ++n),
                    "Distillation against RL on the same student", distillation(facts, pair));
  return html;
}

}  // namespace r1
