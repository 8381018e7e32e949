// r1 run: a pipeline of stages from one file.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <thread>

#include "base/log.h"
#include "cli/run_plan.h"
#include "cli/verbs.h"
#include "recipes/pipeline_report.h"
#include "recipes/quickstart.h"

namespace r1 {
namespace {

constexpr double kMeasureSeconds = 0.5;  // of each shape of model, for --dry_run

struct RunConfig {
  std::string recipe, output_dir, from, until, only;
  std::vector<std::string> set_variables;
  bool dry_run = false;

  void visit(auto&& f) {
    f("recipe", recipe, "the file: recipes/r1.toml");
    f("output_dir", output_dir, "folder of all stages; none: as the file says");
    f("from", from, "run this stage and those after it, changed or not");
    f("until", until, "stop after this stage");
    f("only", only, "run this stage alone");
    f("variables", set_variables, "NAME=VALUE of the file's [variables], several with commas");
    f("dry_run", dry_run, "say what would be run, in what time and memory, and run nothing");
  }
};

/// This very program: another build may compute other bits.
Result<std::string> program_key() {
  R1_TRY(const MappedFile program, MappedFile::open("/proc/self/exe"));
  return R1_VERSION " " + checksum(program.bytes());
}

Result<void> call(const Stage& stage, const std::vector<std::string>& args) {
  const std::string name = stage.verb.substr(0, stage.verb.find(' '));
  for (const Verb& verb : verbs()) {
    if (verb.name != name) continue;
    log_info("  {}", command_line(verb, args));
    if (verb.run(args) != 0) return fail("its command failed, see above");
    return {};
  }
  return fail("r1 has no verb '{}'", name);
}

const char* word(StageState state) {
  switch (state) {
    case StageState::kNew:
      return "new";
    case StageState::kStarted:
      return "goes on";
    case StageState::kStale:
      return "again: something it depends on is different";
    case StageState::kDone:
      return "done";
  }
  return "";
}

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
                s.plan.what.c_str(), word(s.state));
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

/// report.html and summary.json as things stand; a report that fails stops no run.
void write_report(const Pipeline& pipeline, const std::vector<std::string>& keys,
                  const PipelineAbout& about) {
  const auto facts = write_pipeline_report(pipeline, keys, about);
  if (!facts) log_warn("no report: {}", facts.error().message);
}

void print_results(const Pipeline& pipeline, const std::vector<std::string>& keys,
                   const PipelineAbout& about) {
  const auto facts = write_pipeline_report(pipeline, keys, about);
  if (!facts) return log_warn("no report: {}", facts.error().message);
  std::printf("\n%s\nreport: %s\n",
              pipeline_terminal_table(*facts, isatty(STDOUT_FILENO) != 0).c_str(),
              (pipeline.output_dir / "report.html").c_str());
}

Result<void> run_recipe(const RunConfig& config, const std::string& command) {
  if (config.recipe.empty()) return fail("no recipe; r1 run recipes/r1.toml");
  R1_TRY(const std::string text, read_text(config.recipe));
  R1_TRY(const Pipeline pipeline,
         read_pipeline(text, config.recipe, config.output_dir, config.set_variables));
  R1_TRY(const std::string program, program_key());
  PipelineRun plan{config.from, config.until, config.only, call, {}};
  size_t n_run = 0;
  plan.tell = [&](const Stage& stage, size_t index, StageState state) {
    ++n_run;
    log_info("{}/{} {} ({}){}{}", index + 1, pipeline.stages.size(), stage.name, word(state),
             stage.title.empty() ? "" : ": ", stage.title);
  };
  if (config.dry_run) return print_plan(pipeline, plan, program);
  const StagePlanner planner(pipeline, kMeasureSeconds);
  for (const Stage& stage : pipeline.stages) R1_RETURN_IF_ERROR(planner.check(stage));
  const Timer timer;
  R1_TRY(const auto keys, stage_keys(pipeline, program));
  const PipelineAbout about{fmt::format("{}, {} threads", processor_name(),
                                        std::max(1u, std::thread::hardware_concurrency())),
                            R1_VERSION, command};
  plan.run = [&](const Stage& stage, const std::vector<std::string>& args) {
    write_report(pipeline, keys, about);  // all before it are done, and this one has begun
    return call(stage, args);
  };
  const auto run = run_pipeline(pipeline, keys, plan);
  print_results(pipeline, keys, about);
  R1_RETURN_IF_ERROR(run);
  if (n_run == 0) log_info("nothing to do: every stage is done and unchanged");
  log_info("{}: {} in {}", pipeline.title, pipeline.output_dir.string(),
           human_seconds(timer.seconds()));
  return {};
}

}  // namespace

Verb run_verb_of_recipes() {
  Verb verb{"run",
            "run all stages of a recipe: each goes on where it stopped and is skipped when done",
            {"r1 run recipes/r1.toml", "r1 run recipes/r1.toml --dry_run",
             "r1 run recipes/r1.toml --from sft --output_dir runs/second",
             "r1 run recipes/r1.toml --variables model=DIR,data=train.jsonl"},
            {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    RunConfig config;
    const auto named = name_positionals(list_fields(config), args, {"recipe"});
    return run_verb(verb, config, named,
                    [&](RunConfig& c) { return run_recipe(c, command_line(verb, args)); });
  };
  return verb;
}

}  // namespace r1
