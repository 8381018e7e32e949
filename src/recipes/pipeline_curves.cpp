// Curves of a pipeline's page: training, compute when answering, reasoning as it emerges.
#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "recipes/expert_map.h"
#include "recipes/html.h"
#include "recipes/page.h"
#include "recipes/pipeline_page.h"

namespace r1 {
namespace {

using Which = bool (*)(const StageFacts&);

bool is_rl(const StageFacts& s) { return s.is_rl(); }
bool is_pretraining(const StageFacts& s) { return s.stage->verb == "pretrain"; }
bool is_supervised(const StageFacts& s) {
  return s.stage->verb == "sft" || s.stage->verb == "distill";
}
bool is_any(const StageFacts&) { return true; }

struct Curve {
  const char *metric, *title, *y_label;
  bool percent = false;
};

/// A series a stage that has the metric, of at most n_points.
void add_curve(const PipelineFacts& facts, Which which, const Curve& curve,
               std::vector<Chart>& charts, size_t n_points = 100) {
  std::vector<Series> series;
  for (const StageFacts& stage : facts.stages) {
    if (which(stage)) series.push_back(smoothed(curve_of(facts, stage, curve.metric), n_points));
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
    if (stage.is_rl()) series.push_back(curve_of(facts, stage, reward_metric(stage, part)));
  }
  add_chart(charts,
            {.title = title, .x_label = "step", .y_label = "share of a batch", .percent = true},
            std::move(series));
}

/// Losses of stages of very different lengths, each over its own run.
void add_losses(const PipelineFacts& facts, std::vector<Chart>& charts) {
  std::vector<Series> series;
  for (const StageFacts& stage : facts.stages) {
    if (!is_supervised(stage) || stage.steps == 0) continue;
    Series one = smoothed(curve_of(facts, stage, "loss"));
    for (auto& [x, y] : one.points) x *= 100 / static_cast<double>(stage.steps);
    series.push_back(std::move(one));
  }
  add_chart(charts,
            {.title = "Loss of fine-tuning",
             .x_label = "% of the run",
             .y_label = "nats a token",
             .y_min = 0},
            std::move(series));
}

/// What a base with a gate has to master before reinforcement learning has anything to reward.
void add_gate(const PipelineFacts& facts, std::vector<Chart>& charts) {
  for (const StageFacts& stage : facts.stages) {
    if (!is_pretraining(stage)) continue;
    Series operand = metric_series(stage, "gate/operand"), sum = metric_series(stage, "gate/sum");
    operand.name = "copies the operand", sum.name = "computes the digit";
    operand.colour = 0, sum.colour = 1;
    add_chart(charts,
              {.title = "Skills of " + stage.stage->name,
               .x_label = "step",
               .y_label = "probability of the right token; its gate waits for both",
               .percent = true},
              {std::move(operand), std::move(sum)});
  }
}

bool is_length_chart(const Chart& chart) { return chart.title.starts_with("Length"); }

std::string test_time_text(const PipelineFacts& facts) {
  const ModelFacts* m = facts.measured(facts.find_role("r1"));
  if (!m || m->cell.budget.size() < 2) return "";
  std::string text = "Where a thought is cut after so many tokens, " + m->name + " solves";
  for (size_t i = 0; i < m->cell.budget.size(); ++i) {
    const BudgetPoint& p = m->cell.budget[i];
    text += i == 0 ? " " : i + 1 == m->cell.budget.size() ? " and " : ", ";
    text += percent_text(p.accuracy.mean);
    text += p.budget < 0 ? " uncut" : fmt::format(" at {}", p.budget);
  }
  return "<p class=\"says\">" + escape_prose(text) + ".</p>\n";
}

}  // namespace

std::string pipeline_test_time(const PipelineFacts& facts) {
  std::vector<Chart> charts = model_charts(facts);
  std::erase_if(charts, is_length_chart);
  return charts.empty() ? "" : test_time_text(facts) + chart_grid(charts);
}

std::string pipeline_curves(const PipelineFacts& facts) {
  std::vector<Chart> rl;
  add_curve(facts, is_rl,
            {"eval/pass@1", "pass@1", "held-out problems, ± one standard error", true}, rl);
  add_reward(facts, "", "Right answers", rl);
  add_curve(facts, is_rl, {"completions/mean_length", "Length", "tokens of an answer"}, rl);
  add_curve(facts, is_rl, {"language/one_language", "One language", "share of the answers", true},
            rl);
  add_reward(facts, "format", "Format", rl);
  add_curve(facts, is_rl, {"reward", "Reward", "mean of a batch, all rewards with their weights"},
            rl);
  add_curve(facts, is_rl, {"entropy", "Entropy", "nats a token"}, rl);
  std::vector<Chart> other;
  add_curve(facts, is_pretraining, {"loss", "Loss of the bases", "nats a token"}, other);
  add_gate(facts, other);
  add_losses(facts, other);
  add_curve(facts, is_pretraining,
            {"moe/max_violation", "Experts: largest load", "over the mean, less 1"}, other);
  add_curve(
      facts, is_any,
      {"accuracy", "Reward model: pairs in the right order", "share, means of neighbours", true},
      other, 25);
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

std::string pipeline_emergence(const PipelineFacts& facts) {
  std::vector<std::pair<std::string, ReflectionStats>> models;
  for (const ModelFacts& m : facts.models) {
    if (m.cell.reflection.n > 0) models.emplace_back(facts.label(m), m.cell.reflection);
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
  for (Chart& chart : model_charts(facts)) {
    if (is_length_chart(chart)) charts.push_back(std::move(chart));
  }
  std::string html;
  bool is_first = true;
  for (const StageFacts& stage : facts.stages) {
    if (stage.watched.empty()) continue;
    html += "<h3>The same prompts, step by step: " + escape_html(stage.stage->name) + "</h3>\n" +
            watched_browser(stage.watched, 6, is_first);
    is_first = false;
  }
  html += chart_grid(charts);
  if (!models.empty()) html += reflection_table(models);
  return html;
}

}  // namespace r1
