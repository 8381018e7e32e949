// The table of r1 run --dry_run.
#include <algorithm>
#include <cstdio>

#include "base/log.h"
#include "cli/run_plan.h"
#include "cli/run_recipe.h"

namespace r1 {
namespace {

constexpr double kMeasureSeconds = 0.5;  // of each shape of model

struct PlannedStage {
  bool runs = false;
  StageState state = StageState::kNew;
  double seconds = 0;  // of an earlier run
  StagePlan plan = {};
};

/// "1m 12s" as it took before, "~ 2m" or "<= 2m" from a measurement, "–" where nobody knows.
std::string time_text(const PlannedStage& s) {
  if (s.seconds > 0) return human_seconds(s.seconds);
  if (s.plan.seconds <= 0) return "-";
  return (s.plan.is_at_most ? "<= " : "~ ") + human_seconds(s.plan.seconds);
}

Result<std::vector<PlannedStage>> plan_stages(const Pipeline& pipeline, const PipelineRun& run,
                                              const std::string& program) {
  R1_TRY(const auto keys, stage_keys(pipeline, program));
  R1_TRY(const auto chosen, stages_to_run(pipeline, keys, run));
  StagePlanner planner(pipeline, kMeasureSeconds);
  std::vector<PlannedStage> stages;
  for (size_t i = 0; i < pipeline.stages.size(); ++i) {
    const Stage& stage = pipeline.stages[i];
    PlannedStage s;
    s.runs = std::find(chosen.begin(), chosen.end(), &stage) != chosen.end();
    s.state = state_of(stage, keys[i]);
    s.seconds = read_stage_record(stage).seconds;
    R1_TRY(s.plan, planner.plan(stage));
    stages.push_back(std::move(s));
  }
  return stages;
}

}  // namespace

const char* state_text(StageState state) {
  switch (state) {
    case StageState::kNew:
      return "new";
    case StageState::kStarted:
      return "goes on";
    case StageState::kStale:
      return "again: its options, inputs or r1 have changed";
    case StageState::kDone:
      return "done";
  }
  return "";
}

Result<void> print_plan(const Pipeline& pipeline, const PipelineRun& run,
                        const std::string& program) {
  R1_TRY(const auto stages, plan_stages(pipeline, run, program));
  size_t width = 5;
  for (const Stage& stage : pipeline.stages) width = std::max(width, stage.name.size());
  const int w = static_cast<int>(width);
  std::printf("%s: %zu stages in %s\n\n", pipeline.title.c_str(), pipeline.stages.size(),
              pipeline.output_dir.c_str());
  std::printf("  %-*s  %-12s  %-4s  %10s  %10s  %s\n", w, "stage", "verb", "", "time", "memory",
              "what");
  double measured = 0, at_most = 0, memory = 0;
  size_t n_unknown = 0;
  for (size_t i = 0; i < stages.size(); ++i) {
    const Stage& stage = pipeline.stages[i];
    const PlannedStage& s = stages[i];
    const std::string bytes = s.plan.bytes > 0 ? human_bytes(s.plan.bytes) : "-";
    std::printf("  %-*s  %-12s  %-4s  %10s  %10s  %s (%s)\n", w, stage.name.c_str(),
                stage.verb.c_str(), s.runs ? "run" : "skip", time_text(s).c_str(), bytes.c_str(),
                s.plan.what.c_str(), state_text(s.state));
    if (!s.runs) continue;
    measured += s.seconds;
    at_most += s.seconds > 0 ? 0 : s.plan.seconds;
    n_unknown += s.seconds <= 0 && s.plan.seconds <= 0 && stage.kind->has_compute;
    memory = std::max(memory, s.plan.bytes);
  }
  std::printf(
      "\ntime: as an earlier run took; else from a measurement of %g s for each model: ~ about, <= "
      "with every text\n      as long as it may be, reading and starting not counted\n",
      kMeasureSeconds);
  if (measured + at_most > 0)
    std::printf(
        "together: %s%s%s\n", at_most > 0 ? "at most about " : "",
        human_seconds(measured + at_most).c_str(),
        n_unknown > 0 ? fmt::format(", and {} stages of unknown time", n_unknown).c_str() : "");
  const double there = static_cast<double>(available_memory());
  if (memory > 0)
    std::printf("memory: at most %s of %s\n", human_bytes(memory).c_str(),
                human_bytes(there).c_str());
  if (memory > there && there > 0) log_warn("it does not fit into the memory of this machine");
  return {};
}

}  // namespace r1
