// Questions to what a pipeline's folders hold: which stage, which model, which two compare.
#include <algorithm>
#include <cmath>
#include <set>

#include "base/log.h"
#include "recipes/pipeline_facts.h"

namespace r1 {

std::string stage_referred(const std::string& reference) {
  return reference.starts_with("@") ? reference.substr(1, reference.find('/') - 1) : "";
}

const StageFacts* PipelineFacts::find(const std::string& name) const {
  for (const StageFacts& stage : stages) {
    if (stage.stage->name == name) return &stage;
  }
  return nullptr;
}

const StageFacts* PipelineFacts::find_role(const std::string& role) const {
  for (const StageFacts& stage : stages) {
    if (stage.stage->role == role) return &stage;
  }
  for (const StageFacts& stage : stages) {
    std::string name = stage.stage->name;
    std::replace(name.begin(), name.end(), '-', '_');
    if (stage.stage->role.empty() && name == role) return &stage;
  }
  return nullptr;
}

std::string PipelineFacts::label(const ModelFacts& model) const {
  const bool has_several_sets = std::any_of(models.begin(), models.end(), [&](const auto& m) {
    return m.cell.data != models[0].cell.data;
  });
  return has_several_sets ? model.name + " · " + model.cell.data : model.name;
}

const ModelFacts* PipelineFacts::measured(const StageFacts* stage) const {
  for (const ModelFacts& model : models) {
    if (stage && model.made == stage && std::isfinite(model.summary().pass_at_1)) return &model;
  }
  return nullptr;
}

const ModelFacts* PipelineFacts::start_of(const StageFacts& stage) const {
  if (const StageFacts* from = find(stage_referred(stage.model))) return measured(from);
  for (const ModelFacts& model : models) {
    if (!model.made && model.reference == stage.model && std::isfinite(model.summary().pass_at_1))
      return &model;
  }
  return nullptr;
}

std::string PipelineFacts::family_of(const StageFacts& stage) const {
  const StageFacts* root = &stage;
  while (const StageFacts* from = find(stage_referred(root->model))) root = from;
  return root->model.empty() ? root->stage->name : root->model;
}

int64_t PipelineFacts::rl_steps_behind(const StageFacts& stage) const {
  std::set<std::string> seen;
  std::vector<const StageFacts*> open{&stage};
  int64_t steps = 0;
  while (!open.empty()) {
    const StageFacts* one = open.back();
    open.pop_back();
    if (!one || !seen.insert(one->stage->name).second) continue;
    if (one->is_rl()) steps += one->steps;
    for (const std::string& input : one->stage->inputs) open.push_back(find(input));
  }
  return steps;
}

std::vector<Milestone> PipelineFacts::milestones(const StageFacts& end) const {
  std::set<std::string> behind;
  std::vector<const StageFacts*> open{&end};
  while (!open.empty()) {
    const StageFacts* one = open.back();
    open.pop_back();
    if (!one || !behind.insert(one->stage->name).second) continue;
    for (const std::string& input : one->stage->inputs) open.push_back(find(input));
  }
  std::vector<Milestone> list;
  const auto add_model = [&](const ModelFacts* model, int64_t rl_steps) {
    const bool is_there =
        std::any_of(list.begin(), list.end(), [&](const Milestone& m) { return m.model == model; });
    if (!model || is_there) return;
    const EvalSummary& s = model->summary();
    list.push_back({model->name, model, rl_steps, {s.pass_at_1, s.pass_at_1_stderr, {}}});
  };
  for (const StageFacts& stage : stages) {
    if (!behind.contains(stage.stage->name)) continue;
    if (const ModelFacts* start = start_of(stage); start && !start->made) add_model(start, 0);
    const ModelFacts* model = measured(&stage);
    const int64_t steps = rl_steps_behind(stage);
    const Series points = stage.is_rl() ? held_out_series(stage, "eval/pass@1") : Series{};
    for (size_t i = 0; i < points.points.size(); ++i) {
      const auto step = static_cast<int64_t>(points.points[i].first);
      if (step == 0 || (model && step >= stage.steps)) continue;  // measured by an evaluation
      list.push_back(
          {fmt::format("{} at step {}", stage.stage->name, step),
           nullptr,
           steps - stage.steps + step,
           {points.points[i].second, points.errors.empty() ? kUnknown : points.errors[i], {}}});
    }
    add_model(model, steps);
  }
  std::stable_sort(list.begin(), list.end(),
                   [](const Milestone& a, const Milestone& b) { return a.rl_steps < b.rl_steps; });
  return list;
}

std::vector<StagePair> PipelineFacts::distilled_against_rl() const {
  std::vector<StagePair> pairs;
  const StageFacts* student = find_role("student_rl");
  for (const StageFacts& distilled : stages) {
    if (distilled.stage->verb != "distill" || distilled.model.empty()) continue;
    const bool has_student = student && student->model == distilled.model;
    for (const StageFacts& rl : stages) {
      if (has_student ? &rl == student : rl.is_rl() && rl.model == distilled.model)
        pairs.push_back({&distilled, &rl});
    }
  }
  return pairs;
}

std::vector<StagePair> PipelineFacts::with_and_without_language() const {
  const auto others = [](const StageFacts& stage) {
    std::vector<std::string> names = stage.rewards;
    std::erase_if(names, [](const auto& n) { return n.find("language") != std::string::npos; });
    return names;
  };
  std::vector<StagePair> pairs;
  for (const StageFacts& with : stages) {
    for (const StageFacts& without : stages) {
      if (with.is_rl() && without.is_rl() && !with.model.empty() && with.model == without.model &&
          without.rewards.size() < with.rewards.size() && others(with) == without.rewards &&
          others(without) == without.rewards)
        pairs.push_back({&with, &without});
    }
  }
  return pairs;
}

int largest_k(const PipelineFacts& facts) {
  int k = 0;
  for (const ModelFacts& m : facts.models) {
    if (!m.summary().pass_at.empty()) k = std::max(k, m.summary().pass_at.rbegin()->first);
  }
  return std::min(k, 16);
}

double mean_at(const std::map<int, Estimate>& values, int k) {
  const auto it = values.find(k);
  return it != values.end() ? it->second.mean : kUnknown;
}

Series metric_series(const StageFacts& stage, const std::string& metric) {
  Series series{.name = stage.stage->name};
  for (const auto& [step, metrics] : stage.metrics) {
    for (const auto& [name, value] : metrics) {
      if (name == metric && std::isfinite(value))
        series.points.emplace_back(static_cast<double>(step), value);
    }
  }
  return series;
}

Series held_out_series(const StageFacts& stage, const std::string& metric) {
  Series series = metric_series(stage, metric);
  const Series errors = metric_series(stage, metric + "_stderr");
  if (errors.points.size() != series.points.size()) return series;
  for (const auto& [step, error] : errors.points) series.errors.push_back(error);
  return series;
}

std::vector<std::pair<int64_t, double>> tokens_by_step(const StageFacts& stage) {
  std::vector<std::pair<int64_t, double>> all;
  double tokens = 0;
  int64_t before = 0;
  for (const auto& [step, metrics] : stage.metrics) {
    for (const auto& [name, value] : metrics) {
      if (name == "num_tokens" && std::isfinite(value))
        tokens += value * static_cast<double>(step - before);
    }
    before = step;
    all.emplace_back(step, tokens);
  }
  return all;
}

std::string reward_metric(const StageFacts& stage, const std::string& part) {
  for (const std::string& name : stage.rewards) {
    if (name.find(part) != std::string::npos) return "rewards/" + name + "/mean";
  }
  return "";
}

const char* state_word(StageState state) {
  switch (state) {
    case StageState::kNew:
      return "not yet";
    case StageState::kStarted:
      return "begun";
    case StageState::kStale:
      return "out of date";
    case StageState::kDone:
      return "done";
  }
  return "";
}

}  // namespace r1
