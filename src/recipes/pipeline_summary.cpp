// summary.json of a pipeline.
#include <cmath>
#include <nlohmann/json.hpp>

#include "recipes/pipeline_compare.h"
#include "recipes/pipeline_report.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

Json by_k(const std::map<int, Estimate>& values) {
  Json json = Json::object();
  for (const auto& [k, e] : values)
    json[std::to_string(k)] = {{"mean", e.mean}, {"stderr", e.error}};
  return json;
}

Json model_json(const ModelFacts& m) {
  const EvalSummary& s = m.summary();
  Json json{{"name", m.name},
            {"data", m.cell.data},
            {"pass@1", s.pass_at_1},
            {"pass@1_stderr", s.pass_at_1_stderr},
            {"cons@k", by_k(s.cons_at)},
            {"pass@k", by_k(s.pass_at)},
            {"format_rate", s.format_rate},
            {"one_language_rate", s.one_language_rate},
            {"one_language_stderr", one_language_of(m).error},
            {"mean_length", s.mean_length},
            {"truncated_rate", s.truncated_rate},
            {"n_problems", s.n_problems},
            {"n_samples", s.n_samples}};
  for (const BudgetPoint& p : m.cell.budget)
    json["thinking_budget"].push_back({{"budget", p.budget < 0 ? Json() : Json(p.budget)},
                                       {"thinking_tokens", p.thinking_tokens},
                                       {"pass@1", p.accuracy.mean},
                                       {"pass@1_stderr", p.accuracy.error}});
  return json;
}

}  // namespace

std::string pipeline_summary_json(const PipelineFacts& facts, const PipelineAbout& about) {
  Json json{{"title", facts.pipeline->title},   {"seed", facts.seed},
            {"version", about.version},         {"machine", about.machine},
            {"command", about.command},         {"stages", Json::array()},
            {"models", Json::array()},          {"distillation", Json::array()},
            {"language_reward", Json::array()}, {"verdicts", Json::array()}};
  Json seconds = Json::object();
  double all = 0;
  for (const StageFacts& s : facts.stages) {
    json["stages"].push_back({{"name", s.stage->name},
                              {"verb", s.stage->verb},
                              {"inputs", s.stage->inputs},
                              {"state", state_word(s.state)},
                              {"steps", s.steps},
                              {"rl_steps_behind", facts.rl_steps_behind(s)},
                              {"tokens", s.tokens},
                              {"flops", s.flops}});
    seconds[s.stage->name] = s.seconds;
    all += s.seconds;
  }
  for (const ModelFacts& m : facts.models) json["models"].push_back(model_json(m));
  for (const StagePair& pair : facts.distilled_against_rl()) {
    const ModelFacts *a = facts.measured(pair.first), *b = facts.measured(pair.second);
    const Estimate r =
        a && b ? ratio_of(pass_of(*a), pass_of(*b)) : Estimate{kUnknown, kUnknown, {}};
    json["distillation"].push_back({{"distilled", pair.first->stage->name},
                                    {"rl", pair.second->stage->name},
                                    {"ratio", r.mean},
                                    {"ratio_stderr", r.error}});
  }
  for (const StagePair& pair : facts.with_and_without_language()) {
    const ModelFacts *a = facts.measured(pair.first), *b = facts.measured(pair.second);
    const Estimate unknown{kUnknown, kUnknown, {}};
    const Estimate pass = a && b ? pass_difference(*a, *b) : unknown,
                   spoken = a && b ? one_language_difference(*a, *b) : unknown;
    json["language_reward"].push_back({{"with", pair.first->stage->name},
                                       {"without", pair.second->stage->name},
                                       {"pass@1_difference", pass.mean},
                                       {"pass@1_difference_stderr", pass.error},
                                       {"one_language_difference", spoken.mean},
                                       {"one_language_difference_stderr", spoken.error}});
  }
  for (const PipelineVerdict& v : pipeline_verdicts(facts))
    json["verdicts"].push_back(
        {{"key", v.key}, {"claim", v.claim}, {"verdict", v.verdict}, {"numbers", v.numbers}});
  json["timing"] = {{"total_seconds", all}, {"seconds", seconds}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace r1
