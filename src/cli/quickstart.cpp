// r1 quickstart: recipes/r1.toml, without any file: the whole story on the built-in task.
#include <cstdio>

#include "cli/run_recipe.h"
#include "cli/verbs.h"
#include "recipes/presets.h"

namespace r1 {
namespace {

struct QuickstartConfig {
  uint64_t seed = 0;
  RecipeChoice choice;

  QuickstartConfig() { choice.output_dir = "runs/quickstart"; }
  void visit(auto&& f) {
    f("seed", seed, "of everything: data, weights, samples");
    choice.visit(f);
  }
};

/// The best model that is there, and a question for it.
void print_next(const Pipeline& pipeline) {
  for (const char* name : {"r1", "zero"}) {
    const Stage* stage = pipeline.find(name);
    if (!stage || !std::filesystem::exists(stage->product())) continue;
    std::printf("try: r1 chat --model %s\n     > 8 a + 4 b - 5 c * 7 d + 8 ?\n",
                stage->product().c_str());
    return;
  }
}

}  // namespace

Verb quickstart_verb() {
  Verb verb{"quickstart",
            "watch a small model learn to reason: R1-Zero, R1 in four stages, distillation, report",
            {"r1 quickstart", "r1 quickstart --until zero-evaluation   # R1-Zero alone",
             "r1 quickstart --seed 1 --output_dir runs/seed1",
             "r1 quickstart --zero.loss_type dr_grpo --output_dir runs/dr   "
             "# --STAGE.OPTION: any option of that stage's verb"},
            {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    QuickstartConfig config;
    std::vector<std::string> own = args;
    const auto options = take_stage_options(own);
    if (!options) return report_error(verb, options.error());
    return run_verb(verb, config, own, [&](QuickstartConfig& c) -> Result<void> {
      c.choice.variables.push_back(fmt::format("seed={}", c.seed));
      R1_TRY(const Pipeline pipeline,
             run_recipe({std::string(r1_recipe()), "r1.toml", command_line(verb, args)}, c.choice,
                        *options));
      if (!c.choice.dry_run) print_next(pipeline);
      return {};
    });
  };
  return verb;
}

}  // namespace r1
