// A recipe from the command line: r1 run FILE, and r1 quickstart, whose recipe stands inside the
// program.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/fields.h"
#include "recipes/pipeline.h"

namespace r1 {

/// Which stages, where, with what.
struct RecipeChoice {
  std::string output_dir, from, until, only;
  std::vector<std::string> variables;
  bool dry_run = false, report_only = false;

  void visit(auto&& f) {
    f("output_dir", output_dir, "folder of all stages; none: as the file says");
    f("from", from, "run this stage and those after it, changed or not");
    f("until", until, "stop after this stage");
    f("only", only, "run this stage alone");
    f("variables", variables, "NAME=VALUE of the file's [variables], several with commas");
    f("dry_run", dry_run, "say what would be run, in what time and memory, and run nothing");
    f("report_only", report_only, "write report.html and summary.json anew, and run nothing");
  }
};

/// A recipe's text, what its file is called, and the command that was typed.
struct Recipe {
  std::string toml, file, command;
};

/// Takes --STAGE.KEY VALUE out of the arguments: options of one stage.
Result<std::vector<std::pair<std::string, std::string>>> take_stage_options(
    std::vector<std::string>& args);

/// Runs the stages that are new or changed, and leaves report.html and summary.json; or says what
/// it would run. Returns the pipeline, so that a caller can say what to try next.
Result<Pipeline> run_recipe(const Recipe& recipe, const RecipeChoice& choice,
                            std::vector<std::pair<std::string, std::string>> stage_options);

/// Why a stage runs or does not: new, goes on, again, done.
const char* state_text(StageState state);

/// What --dry_run prints.
Result<void> print_plan(const Pipeline& pipeline, const PipelineRun& run,
                        const std::string& program);

}  // namespace r1
