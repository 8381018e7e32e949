// Questions to what a pipeline's folders hold: which stage, which model, which two compare.
#include <algorithm>
#include <cmath>
#include <set>

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

const ModelFacts* PipelineFacts::measured(const StageFacts* stage) const {
  for (const ModelFacts& model : models) {
    if (stage && model.made == stage && std::isfinite(model.summary().pass_at_1)) return &model;
  }
  return nullptr;
}

const ModelFacts* PipelineFacts::start_of(const StageFacts& stage) const {
  return measured(find(stage_referred(stage.model)));
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

std::vector<StagePair> PipelineFacts::distilled_against_rl() const {
  std::vector<StagePair> pairs;
  for (const StageFacts& distilled : stages) {
    if (distilled.stage->verb != "distill" || distilled.model.empty()) continue;
    for (const StageFacts& rl : stages) {
      if (rl.is_rl() && rl.model == distilled.model) pairs.push_back({&distilled, &rl});
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
