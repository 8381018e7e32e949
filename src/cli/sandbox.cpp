// r1 sandbox: run one program in the jail that the code reward uses.
#include <unistd.h>
#include <cstdio>

#include <iterator>

#include "base/file.h"
#include "cli/actions.h"
#include "cli/verbs.h"
#include "reward/code_build.h"
#include "reward/code_extract.h"

namespace r1 {
namespace {

struct RunConfig {
  std::string file, lang, stdin_file;
  std::vector<std::string> languages;
  double time = 2, compile_time = 30;
  int memory = 256, output = 1024, disk = 64, processes = 64;
  SandboxConfig sandbox;

  void visit(auto&& f) {
    f("file", file, "the program's text");
    f("lang", lang, "python, cpp, c or one of languages; none: by the file's name");
    f("languages", languages, "others as NAME|FILE|COMPILE|RUN: js|main.js||node {in}");
    f("stdin", stdin_file, "a file for standard input; none: empty");
    f("time", time, "seconds of wall clock");
    f("memory", memory, "megabytes, of all its processes together");
    f("output", output, "kilobytes it may print");
    f("disk", disk, "megabytes it may write");
    f("processes", processes, "processes and threads at once");
    f("compile_time", compile_time, "seconds of wall clock for the compiler");
    f("sandbox", sandbox);
  }
};

constexpr int kLimitStatus = 124;  // as timeout(1)

Result<std::string> language_of(const RunConfig& config) {
  if (!config.lang.empty()) return language_name(config.lang);
  std::string extension = Path(config.file).extension().string();
  if (!extension.empty()) extension.erase(0, 1);
  return language_name(extension);
}

Result<void> check_limits(const RunConfig& config) {
  if (config.file.empty()) return fail("file is not set; r1 sandbox run FILE");
  if (!(config.time > 0) || !(config.compile_time > 0) || config.memory < 1 || config.output < 1 ||
      config.disk < 1 || config.processes < 1) {
    return fail("every limit must be above 0");
  }
  return {};
}

/// The program's own two outputs, and its ending on standard error; its exit status is ours.
int show(const SandboxRun& run, const SandboxLimits& limits) {
  std::fwrite(run.out.data(), 1, run.out.size(), stdout);
  std::fflush(stdout);
  std::fwrite(run.err.data(), 1, run.err.size(), stderr);
  std::fprintf(stderr, "r1 sandbox: %s after %.3f s\n", describe_ending(run, limits).c_str(),
               run.seconds);
  return run.ending == Ending::kExited ? run.status : kLimitStatus;
}

Result<int> run_file(const RunConfig& config) {
  R1_RETURN_IF_ERROR(check_limits(config));
  R1_TRY(const std::string text, read_text(config.file));
  R1_TRY(const std::string name, language_of(config));
  R1_TRY(const auto languages, make_languages(config.languages));
  const auto language = languages.find(name);
  if (language == languages.end()) {
    return fail("{}: no way to run '{}' is known; name it with --lang python, cpp or c",
                config.file, name);
  }
  SandboxTask task;
  if (!config.stdin_file.empty()) {
    R1_TRY(task.input, read_text(config.stdin_file));
  }
  R1_TRY(const Sandbox sandbox, Sandbox::open(config.sandbox));
  ProgramBuilder builder(sandbox, {config.compile_time, 2048, 256, 0, 64});
  R1_TRY(const auto program, builder.build(language->second, text));
  if (!program->error.empty()) return fail("{} does not compile:\n{}", config.file, program->error);
  task.command = program->command;
  task.files = program->files;
  task.limits = {config.time, config.memory, config.disk, config.output, config.processes};
  R1_TRY(const SandboxRun run, sandbox.run(task));
  return show(run, task.limits);
}

int run_action(const Verb& verb, const std::vector<std::string>& args) {
  RunConfig config;
  int status = 0;
  const auto named = name_positionals(list_fields(config), args, {"file"});
  const int failed = run_verb(verb, config, named, [&](RunConfig& c) -> Result<void> {
    R1_TRY(status, run_file(c));
    return {};
  });
  return failed ? failed : status;
}

}  // namespace

Verb sandbox_verb() {
  Verb verb{"sandbox", "run a program nobody trusts, isolated and under limits", {}, {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    const Verb run{"sandbox run",
                   verb.summary,
                   {"r1 sandbox run solution.py --stdin input.txt",
                    "r1 sandbox run main.cpp --time 1 --memory 128",
                    "r1 sandbox run answer.txt --lang python"},
                   {}};
    return run_actions(verb, {{run, run_action}}, args);
  };
  return verb;
}

}  // namespace r1
