#include "cli/run_recipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <thread>

#include "base/log.h"
#include "base/processor.h"
#include "cli/run_plan.h"
#include "cli/verbs.h"
#include "recipes/fingerprint.h"
#include "recipes/pipeline_report.h"

namespace r1 {
namespace {

/// Sends standard output to a file for as long as it lives: a stage's tables are its own, and
/// would bury those of the recipe.
class StandardOutputTo {
 public:
  explicit StandardOutputTo(const Path& file) {
    std::fflush(stdout);
    const int to = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (to < 0) return;
    kept_ = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    if (kept_ >= 0) ::dup2(to, STDOUT_FILENO);
    ::close(to);
  }
  ~StandardOutputTo() {
    if (kept_ < 0) return;
    std::fflush(stdout);
    ::dup2(kept_, STDOUT_FILENO);
    ::close(kept_);
  }
  StandardOutputTo(const StandardOutputTo&) = delete;

 private:
  int kept_ = -1;
};

Result<void> call(const Stage& stage, const std::vector<std::string>& args) {
  const std::string name = stage.verb.substr(0, stage.verb.find(' '));
  for (const Verb& verb : verbs()) {
    if (verb.name != name) continue;
    log_info("  {}", command_line(verb, args));
    const StandardOutputTo log(stage.log_file());
    if (verb.run(args) != 0) return fail("its command failed, see above");
    return {};
  }
  return fail("r1 has no verb '{}'", name);
}

/// report.html and summary.json as things stand; a report that fails stops no run.
std::string write_report(const Pipeline& pipeline, const std::vector<std::string>& keys,
                         const PipelineAbout& about) {
  const auto facts = write_pipeline_report(pipeline, keys, about);
  if (facts) return pipeline_terminal_table(*facts, isatty(STDOUT_FILENO) != 0);
  log_warn("no report: {}", facts.error().message);
  return "";
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> take_stage_options(
    std::vector<std::string>& args) {
  std::vector<std::pair<std::string, std::string>> taken;
  std::vector<std::string> others;
  for (size_t i = 0; i < args.size(); ++i) {
    const size_t equals = args[i].find('=');
    const std::string name = args[i].substr(0, equals);
    if (!name.starts_with("--") || name.find('.') == std::string::npos) {
      others.push_back(args[i]);
    } else if (equals != std::string::npos) {
      taken.emplace_back(name.substr(2), args[i].substr(equals + 1));
    } else if (i + 1 < args.size() && !args[i + 1].starts_with("--")) {
      taken.emplace_back(name.substr(2), args[++i]);
    } else {
      return fail("{} needs a value: {} VALUE or {}=VALUE", name, name, name);
    }
  }
  args = std::move(others);
  return taken;
}

Result<Pipeline> run_recipe(const Recipe& recipe, const RecipeChoice& choice,
                            std::vector<std::pair<std::string, std::string>> stage_options) {
  R1_TRY(Pipeline pipeline,
         read_pipeline(recipe.toml, recipe.file,
                       {choice.output_dir, choice.variables, std::move(stage_options)}));
  R1_TRY(const std::string program, fingerprint_program());
  PipelineRun plan{choice.from, choice.until, choice.only, call, {}};
  size_t n_run = 0;
  plan.tell = [&](const Stage& stage, size_t index, StageState state) {
    ++n_run;
    log_info("{}/{} {} ({}){}{}", index + 1, pipeline.stages.size(), stage.name, state_text(state),
             stage.title.empty() ? "" : ": ", stage.title);
  };
  if (choice.dry_run) {
    R1_RETURN_IF_ERROR(print_plan(pipeline, plan, program));
    return pipeline;
  }
  const PipelineAbout about{fmt::format("{}, {} threads", processor_name(),
                                        std::max(1u, std::thread::hardware_concurrency())),
                            R1_VERSION, recipe.command};
  if (choice.report_only) {
    R1_TRY(const PipelineFacts facts, rewrite_pipeline_report(pipeline, about));
    std::printf("%s\npictures: %s\n",
                pipeline_terminal_table(facts, isatty(STDOUT_FILENO) != 0).c_str(),
                (pipeline.output_dir / "report.html").c_str());
    return pipeline;
  }
  const StagePlanner planner(pipeline, 0);
  for (const Stage& stage : pipeline.stages) R1_RETURN_IF_ERROR(planner.check(stage));
  const Timer timer;
  R1_TRY(const auto keys, stage_keys(pipeline, program));
  plan.run = [&](const Stage& stage, const std::vector<std::string>& args) {
    write_report(pipeline, keys, about);  // all before it are done, and this one has begun
    return call(stage, args);
  };
  const auto run = run_pipeline(pipeline, keys, plan);
  const std::string table = write_report(pipeline, keys, about);
  R1_RETURN_IF_ERROR(run);
  if (n_run == 0) log_info("nothing to do: every stage is done and unchanged");
  std::printf("\n%s\n%s in %s; pictures: %s\n", table.c_str(), pipeline.title.c_str(),
              human_seconds(timer.seconds()).c_str(),
              (pipeline.output_dir / "report.html").c_str());
  return pipeline;
}

}  // namespace r1
