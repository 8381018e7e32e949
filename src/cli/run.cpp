// r1 run: a pipeline of stages from one file.
#include <algorithm>
#include <cstdio>

#include "base/log.h"
#include "cli/verbs.h"
#include "recipes/pipeline.h"

namespace r1 {
namespace {

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
    f("dry_run", dry_run, "say what would be run, and run nothing");
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

Result<void> print_plan(const Pipeline& pipeline, const PipelineRun& plan,
                        const std::string& program) {
  R1_TRY(const auto keys, stage_keys(pipeline, program));
  R1_TRY(const auto chosen, stages_to_run(pipeline, keys, plan));
  size_t width = 5;
  for (const Stage& stage : pipeline.stages) width = std::max(width, stage.name.size());
  std::printf("%s: %zu stages in %s\n\n", pipeline.title.c_str(), pipeline.stages.size(),
              pipeline.output_dir.c_str());
  double seconds = 0;
  for (size_t i = 0; i < pipeline.stages.size(); ++i) {
    const Stage& stage = pipeline.stages[i];
    const bool runs = std::find(chosen.begin(), chosen.end(), &stage) != chosen.end();
    const StageRecord record = read_stage_record(stage);
    const std::string time = record.seconds > 0 ? human_seconds(record.seconds) : "–";
    seconds += runs ? record.seconds : 0;
    std::printf("  %-*s  %-12s  %-4s  %8s  %s\n", static_cast<int>(width), stage.name.c_str(),
                stage.verb.c_str(), runs ? "run" : "skip", time.c_str(),
                word(state_of(stage, keys[i])));
  }
  if (seconds > 0) std::printf("\nabout %s, as it took before\n", human_seconds(seconds).c_str());
  return {};
}

Result<void> run_recipe(const RunConfig& config) {
  if (config.recipe.empty()) return fail("no recipe; r1 run recipes/r1.toml");
  R1_TRY(const std::string text, read_text(config.recipe));
  R1_TRY(const Pipeline pipeline,
         read_pipeline(text, config.recipe, config.output_dir, config.set_variables));
  R1_TRY(const std::string program, program_key());
  PipelineRun plan{config.from, config.until, config.only, call, {}};
  plan.tell = [&](const Stage& stage, size_t index, StageState state) {
    log_info("{}/{} {} ({}){}{}", index + 1, pipeline.stages.size(), stage.name, word(state),
             stage.title.empty() ? "" : ": ", stage.title);
  };
  if (config.dry_run) return print_plan(pipeline, plan, program);
  const Timer timer;
  size_t n_run = 0;
  plan.tell = [&, tell = plan.tell](const Stage& stage, size_t index, StageState state) {
    ++n_run;
    tell(stage, index, state);
  };
  R1_RETURN_IF_ERROR(run_pipeline(pipeline, program, plan));
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
    return run_verb(verb, config, named, [](RunConfig& c) { return run_recipe(c); });
  };
  return verb;
}

}  // namespace r1
