// Curves and comparisons of a pipeline's page.
#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "recipes/expert_map.h"
#include "recipes/html.h"
#include "recipes/page.h"
#include "recipes/pipeline_facts.h"

namespace r1 {
namespace {

constexpr size_t kSeriesInChart = 6;  // as many as there are colours

using Which = bool (*)(const StageFacts&);

bool is_rl(const StageFacts& s) { return s.is_rl(); }
bool is_pretraining(const StageFacts& s) { return s.stage->verb == "pretrain"; }
bool is_supervised(const StageFacts& s) {
  return s.stage->verb == "sft" || s.stage->verb == "distill";
}
bool is_any(const StageFacts&) { return true; }

/// A chart with a series a stage that has the metric; several charts where there are too many.
void add_chart(std::vector<Chart>& charts, const Chart& blank, std::vector<Series> series) {
  std::erase_if(series, [](const Series& s) { return s.points.size() < 2; });
  for (size_t begin = 0; begin < series.size(); begin += kSeriesInChart) {
    Chart chart = blank;
    if (begin > 0) chart.title += fmt::format(" ({})", begin / kSeriesInChart + 1);
    for (size_t i = begin; i < std::min(series.size(), begin + kSeriesInChart); ++i)
      chart.series.push_back(std::move(series[i]));
    charts.push_back(std::move(chart));
  }
}

struct Curve {
  const char *metric, *title, *y_label;
  bool percent = false;
};

void add_curve(const PipelineFacts& facts, Which which, const Curve& curve,
               std::vector<Chart>& charts) {
  std::vector<Series> series;
  for (const StageFacts& stage : facts.stages) {
    if (which(stage)) series.push_back(metric_series(stage, curve.metric));
  }
  add_chart(
      charts,
      {.title = curve.title, .x_label = "step", .y_label = curve.y_label, .percent = curve.percent},
      std::move(series));
}

/// The mean of a reward whose name contains `part`, of every RL stage.
void add_reward(const PipelineFacts& facts, const char* part, const char* title,
                std::vector<Chart>& charts) {
  std::vector<Series> series;
  for (const StageFacts& stage : facts.stages) {
    Series one = metric_series(stage, reward_metric(stage, part));
    if (stage.is_rl()) series.push_back(std::move(one));
  }
  add_chart(
      charts,
      {.title = title, .x_label = "step", .y_label = "mean of a batch of samples", .percent = true},
      std::move(series));
}

std::string seconds_text(double seconds) { return seconds > 0 ? human_seconds(seconds) : "–"; }

/// One row of a comparison: how good, and what it cost.
std::vector<std::string> comparison_row(const char* what, const PipelineFacts& facts,
                                        const StageFacts& stage) {
  const ModelFacts* m = facts.measured(&stage);
  const EvalSummary s = m ? m->summary() : EvalSummary{};
  const auto share = [&](double value) { return m ? percent_text(value) : "–"; };
  return {stage.stage->name + what,
          m ? share_text(s.pass_at_1, s.pass_at_1_stderr) : "not measured yet",
          share(s.one_language_rate),
          share(s.format_rate),
          m ? compact_text(s.mean_length) : "–",
          stage.steps > 0 ? std::to_string(stage.steps) : "–",
          compact_text(stage.tokens),
          flops_text(stage.flops),
          seconds_text(stage.seconds)};
}

const std::vector<std::string> kComparison{"model", "pass@1", "one language", "format", "length",
                                           "steps", "tokens", "FLOPs",        "time"};

/// pass@1 of the models side by side, those that are measured.
void add_bars(const PipelineFacts& facts, std::initializer_list<const StageFacts*> stages,
              std::vector<Chart>& charts) {
  Chart chart{.title = "pass@1",
              .x_label = "",
              .y_label = "evaluated problems, ± one standard error",
              .series = {{.name = "pass@1"}},
              .y_min = 0,
              .percent = true};
  for (const StageFacts* stage : stages) {
    const ModelFacts* m = facts.measured(stage);
    if (!m) continue;
    chart.series[0].points.emplace_back(static_cast<double>(chart.categories.size()),
                                        m->summary().pass_at_1);
    const double error = m->summary().pass_at_1_stderr;
    chart.series[0].errors.push_back(std::isfinite(error) ? error : 0);
    chart.categories.push_back(m->name);
  }
  if (chart.categories.size() > 1) charts.push_back(std::move(chart));
}

std::string paragraph(const std::string& text) {
  return text.empty() ? "" : "<p class=\"legend\">" + escape_html(text) + "</p>\n";
}

std::string distillation(const PipelineFacts& facts, const StagePair& pair) {
  if (!pair.first->is_begun() && !pair.second->is_begun()) return "";
  const StageFacts* start = facts.find(stage_referred(pair.first->model));
  std::vector<std::vector<std::string>> rows;
  if (start) rows.push_back(comparison_row("", facts, *start));
  rows.push_back(comparison_row(", by RL", facts, *pair.second));
  rows.push_back(comparison_row(", by distillation", facts, *pair.first));
  std::string note;
  const ModelFacts *a = facts.measured(pair.first), *b = facts.measured(pair.second);
  if (a && b) {
    const Estimate r = ratio_of(a->summary().pass_at_1, a->summary().pass_at_1_stderr,
                                b->summary().pass_at_1, b->summary().pass_at_1_stderr);
    note = std::isfinite(r.mean)
               ? fmt::format("Distillation solves {:.1f} ± {:.1f} times as many problems as RL.",
                             r.mean, r.error)
               : "RL solves none of the problems.";
  }
  std::vector<Chart> charts;
  add_bars(facts, {start, pair.second, pair.first}, charts);
  add_chart(charts,
            {.title = "RL on the student",
             .x_label = "step",
             .y_label = "right answers of a batch",
             .percent = true},
            {metric_series(*pair.second, reward_metric(*pair.second, ""))});
  add_chart(charts,
            {.title = "Distillation into the student", .x_label = "step", .y_label = "loss"},
            {metric_series(*pair.first, "loss")});
  return html_table("The same student, by distillation and by RL", kComparison, rows) +
         paragraph(note) + chart_grid(charts);
}

std::string language(const PipelineFacts& facts, const StagePair& pair) {
  if (!pair.first->is_begun() && !pair.second->is_begun()) return "";
  std::vector<Chart> charts;
  const auto both = [&](const Chart& chart, const auto& metric) {
    add_chart(charts, chart,
              {metric_series(*pair.first, metric(*pair.first)),
               metric_series(*pair.second, metric(*pair.second))});
  };
  both({.title = "One language",
        .x_label = "step",
        .y_label = "share of the answers",
        .percent = true},
       [](const StageFacts&) { return std::string("language/one_language"); });
  both({.title = "Right answers",
        .x_label = "step",
        .y_label = "mean of a batch of samples",
        .percent = true},
       [](const StageFacts& s) { return reward_metric(s, ""); });
  return html_table("RL with and without a reward for keeping to one language", kComparison,
                    {comparison_row(", with it", facts, *pair.first),
                     comparison_row(", without it", facts, *pair.second)}) +
         chart_grid(charts);
}

std::string languages_table(const PipelineFacts& facts) {
  std::map<std::string, double> all;
  for (const ModelFacts& m : facts.models) {
    for (const auto& [code, share] : m.summary().language_shares) all[code] += share;
  }
  if (all.empty()) return "";
  std::vector<std::string> head{"model", "one language"};
  for (const auto& [code, share] : all) head.push_back(code);
  std::vector<std::vector<std::string>> rows;
  for (const ModelFacts& m : facts.models) {
    const auto& shares = m.summary().language_shares;
    rows.push_back({m.name, percent_text(m.summary().one_language_rate)});
    for (const auto& [code, share] : all)
      rows.back().push_back(shares.contains(code) ? percent_text(shares.at(code)) : "–");
  }
  return html_table("Answers in one language, and the languages of all words", head, rows);
}

}  // namespace

std::string pipeline_curves(const PipelineFacts& facts) {
  std::vector<Chart> rl;
  add_curve(facts, is_rl, {"reward", "Reward", "mean of a batch, all rewards with their weights"},
            rl);
  add_reward(facts, "", "Right answers", rl);
  add_curve(facts, is_rl, {"completions/mean_length", "Length", "tokens of an answer"}, rl);
  add_reward(facts, "format", "Format", rl);
  add_curve(facts, is_rl, {"language/one_language", "One language", "share of the answers", true},
            rl);
  add_curve(facts, is_rl, {"entropy", "Entropy", "nats a token"}, rl);
  std::vector<Chart> other;
  add_curve(facts, is_pretraining, {"loss", "Loss of the bases", "nats a token"}, other);
  add_curve(facts, is_pretraining, {"gate/operand", "Skill: copies operands", "share", true},
            other);
  add_curve(facts, is_pretraining, {"gate/sum", "Skill: sums", "share", true}, other);
  add_curve(facts, is_supervised, {"loss", "Loss of fine-tuning", "nats a token"}, other);
  add_curve(facts, is_any, {"moe/max_violation", "Experts: largest load", "over the mean, less 1"},
            other);
  add_curve(facts, is_any, {"accuracy", "Reward model: pairs in the right order", "share", true},
            other);
  std::string html;
  if (!rl.empty()) html += "<h3>Reinforcement learning</h3>\n" + chart_grid(rl);
  if (!other.empty()) html += "<h3>Bases and fine-tuning</h3>\n" + chart_grid(other);
  for (const StageFacts& stage : facts.stages) {
    if (!is_pretraining(stage) || !stage.is_begun()) continue;
    const auto loads = read_loads(stage.stage->folder);
    const std::string maps = loads ? expert_maps(*loads) : "";
    if (maps.empty()) continue;
    html += "<h3>Experts of " + escape_html(stage.stage->name) + "</h3>\n" + maps;
    break;
  }
  return html;
}

std::string pipeline_comparisons(const PipelineFacts& facts) {
  std::string html;
  int n = 0;  // ids are unique
  for (const StagePair& pair : facts.distilled_against_rl())
    html += section(fmt::format("distillation-{}", ++n),
                    "Distillation against RL on the same student", distillation(facts, pair));
  for (const StagePair& pair : facts.with_and_without_language())
    html += section(fmt::format("language-{}", ++n), "Language reward on and off",
                    language(facts, pair));
  return html;
}

std::vector<Chart> pipeline_model_charts(const PipelineFacts& facts) {
  std::vector<Chart> charts;
  const size_t n = facts.models.size();
  const size_t n_parts = (n + kSeriesInChart - 1) / kSeriesInChart;
  for (size_t p = 0; p < n_parts; ++p) {
    EvalSuite suite;
    for (size_t i = n * p / n_parts; i < n * (p + 1) / n_parts; ++i) {
      suite.cells.push_back(facts.models[i].cell);
      suite.cells.back().model = facts.models[i].name;
    }
    for (Chart& chart : suite_charts(suite)) {
      if (p > 0) chart.title += fmt::format(" ({})", p + 1);
      charts.push_back(std::move(chart));
    }
  }
  const auto place = [](const Chart& chart) {
    const std::vector<std::string> order{"Test-time compute", "Majority voting", "pass@k"};
    const std::string title = chart.title.substr(0, chart.title.find(" ("));
    return std::find(order.begin(), order.end(), title) - order.begin();
  };
  std::stable_sort(charts.begin(), charts.end(),
                   [&](const Chart& a, const Chart& b) { return place(a) < place(b); });
  return charts;
}

std::string pipeline_emergence(const PipelineFacts& facts) {
  std::vector<std::pair<std::string, ReflectionStats>> models;
  for (const ModelFacts& m : facts.models) {
    if (m.cell.reflection.n > 0) models.emplace_back(m.name, m.cell.reflection);
  }
  std::vector<Chart> charts;
  add_curve(facts, is_rl, {"reflection/words", "Words of reflection", "words an answer"}, charts);
  add_curve(facts, is_rl,
            {"reflection/rescued", "Answers rescued by a self-correction", "share", true}, charts);
  add_curve(facts, is_rl,
            {"reflection/broken", "Answers broken by a self-correction", "share", true}, charts);
  add_curve(facts, is_rl, {"reflection/right_lines", "Worked lines that are right", "share", true},
            charts);
  add_curve(facts, is_rl,
            {"length/difficulty_correlation", "Length follows difficulty", "correlation"}, charts);
  std::string html = chart_grid(charts);
  if (!models.empty()) html += reflection_table(models);
  const std::string spoken = languages_table(facts);
  if (!spoken.empty()) html += spoken;
  for (const StageFacts& stage : facts.stages) {
    if (stage.watched.empty()) continue;
    html += "<h3>The same prompts, step by step: " + escape_html(stage.stage->name) + "</h3>\n" +
            watched_browser(stage.watched);
  }
  return html;
}

}  // namespace r1
