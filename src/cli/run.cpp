// r1 run: a pipeline of stages from one file.
#include <cstdio>

#include "cli/run_recipe.h"
#include "cli/verbs.h"
#include "recipes/pipeline_seeds.h"

namespace r1 {
namespace {

struct RunConfig {
  std::string recipe;
  std::vector<std::string> compare;
  RecipeChoice choice;

  void visit(auto&& f) {
    f("recipe", recipe, "the file: recipes/r1.toml");
    f("compare", compare,
      "folders of runs of one recipe, mostly with other seeds: a table of all, and nothing is run");
    choice.visit(f);
  }
};

}  // namespace

Verb run_verb_of_recipes() {
  Verb verb{"run",
            "run all stages of a recipe: each goes on where it stopped and is skipped when done",
            {"r1 run recipes/r1.toml", "r1 run recipes/r1.toml --dry_run",
             "r1 run recipes/r1.toml --zero.max_steps 100 --output_dir runs/longer   "
             "# --STAGE.OPTION: any option of that stage's verb",
             "r1 run recipes/r1.toml --from sft --output_dir runs/second",
             "r1 run recipes/r1.toml --variables model=DIR,data=train.jsonl",
             "r1 run --compare runs/r1,runs/r1-seed1,runs/r1-seed2"},
            {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    RunConfig config;
    std::vector<std::string> own = args;
    const auto options = take_stage_options(own);
    if (!options) return report_error(verb, options.error());
    own = name_positionals(list_fields(config), own, {"recipe"});
    return run_verb(verb, config, own, [&](RunConfig& c) -> Result<void> {
      if (!c.compare.empty()) {
        R1_TRY(const auto runs, read_run_summaries(c.compare));
        std::fputs(compare_runs(runs).c_str(), stdout);
        return {};
      }
      if (c.recipe.empty()) return fail("no recipe; r1 run recipes/r1.toml");
      R1_TRY(const std::string text, read_text(c.recipe));
      R1_RETURN_IF_ERROR(
          run_recipe({text, c.recipe, command_line(verb, args)}, c.choice, *options));
      return {};
    });
  };
  return verb;
}

}  // namespace r1
