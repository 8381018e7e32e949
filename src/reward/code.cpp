#include "reward/code.h"

#include <sys/random.h>

#include <atomic>
#include <sstream>
#include <thread>

#include "reward/code_assemble.h"
#include "reward/code_build.h"
#include "reward/code_harness.h"
#include "reward/thought.h"

namespace r1 {
namespace {

constexpr size_t kReasonBytes = 300;

/// 32 hex digits nobody can guess. Not a random number of a run: no result depends on it.
std::string secret() {
  unsigned char bytes[16];
  if (::getrandom(bytes, sizeof bytes, 0) != sizeof bytes) throw DeviceError("no random bytes");
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

/// Lines without white space at their ends, and no empty lines at the end.
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    line.erase(line.find_last_not_of(" \t\r\f\v") + 1);
    lines.push_back(std::move(line));
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

std::string short_text(std::string text) {
  if (text.size() > kReasonBytes) text = text.substr(0, kReasonBytes) + " …";
  return text;
}

/// A program's last words: where Python names the error.
std::string last_line(const std::string& text) {
  const auto lines = lines_of(text);
  return lines.empty() ? "" : lines.back();
}

std::string how_it_failed(const SandboxRun& run, const SandboxLimits& limits) {
  const std::string ending = describe_ending(run, limits);
  const std::string words = last_line(run.err);
  return short_text(words.empty() ? ending : ending + ": " + words);
}

Verdict invalid(const Error& error) { return {0, error.message, false}; }

}  // namespace

struct CodeReward::State {
  State(CodeOptions o, RewardOptions c, Sandbox s, std::map<std::string, ProgramLanguage> l)
      : options(std::move(o)),
        common(c),
        sandbox(std::move(s)),
        languages(std::move(l)),
        builder(sandbox, compile_limits(options)) {}

  static SandboxLimits compile_limits(const CodeOptions& options) {
    return {options.compile_seconds, 2048, 256, 0, 64};
  }
  SandboxLimits run_limits() const {
    return {options.seconds, options.memory_mb, options.disk_mb, options.output_kb,
            options.processes};
  }
  Verdict credit(size_t n_passed, size_t n_tests, const std::string& first_failure) const {
    const double share = static_cast<double>(n_passed) / static_cast<double>(n_tests);
    const double value = options.partial ? share : n_passed == n_tests;
    if (n_passed == n_tests) return {value, fmt::format("passes {} tests", n_tests)};
    return {value, fmt::format("{} of {} tests; {}", n_passed, n_tests, first_failure)};
  }

  Verdict judge(const CodeTests& tests, const ExtractedCode& code);
  Verdict judge_calls(const CodeTests& tests, const ExtractedCode& code);
  Verdict judge_native(const CodeTests& tests, const ExtractedCode& code);
  Verdict judge_input(const CodeTests& tests, const std::string& text);
  /// Empty: right. An error: the jail or the checker cannot be made.
  Result<std::string> try_pair(const CodeTests& tests, const Program& program,
                               const CodeTests::Pair& pair);
  Result<std::string> run_checker(const CodeTests& tests, const CodeTests::Pair& pair,
                                  const std::string& output);
  Result<std::shared_ptr<const Program>> build(const std::string& language,
                                               const std::string& text);

  CodeOptions options;
  RewardOptions common;
  Sandbox sandbox;
  std::map<std::string, ProgramLanguage> languages;
  ProgramBuilder builder;
  const std::string key = secret();  // in the names a candidate may not guess
};

Result<std::shared_ptr<const Program>> CodeReward::State::build(const std::string& language,
                                                                const std::string& text) {
  const auto found = languages.find(language);
  if (found == languages.end()) {
    return fail("no way to run {} is known; add it: languages = [\"{}|FILE|COMPILE|RUN\"]",
                language, language);
  }
  return builder.build(found->second, text);
}

Verdict CodeReward::State::judge_calls(const CodeTests& tests, const ExtractedCode& code) {
  const std::string token = secret();
  SandboxTask task;
  task.command = {"/usr/bin/python3", "-I", "-S", "/jail/harness.py"};
  task.files = {{"/jail/harness.py", kPythonHarness}};
  task.input = python_job(tests, candidate_text(tests, code), token);
  task.with_proc = false;  // the candidate may not look into the process that holds the tests
  task.limits = run_limits();
  const auto run = sandbox.run(task);
  if (!run) return invalid(run.error());
  size_t n_passed = 0;
  std::string failure;
  for (const std::string& line : lines_of(run->out)) {
    if (!line.starts_with(token + " ")) continue;
    const std::string said = line.substr(token.size() + 1);  // "3 ok" or "3 error …"
    const bool is_ok = said == said.substr(0, said.find(' ')) + " ok";
    n_passed += is_ok;
    if (!is_ok && failure.empty()) failure = "test " + said;
  }
  if (failure.empty()) failure = how_it_failed(*run, task.limits);
  return credit(std::min(n_passed, tests.asserts.size()), tests.asserts.size(),
                short_text(failure));
}

Verdict CodeReward::State::judge_native(const CodeTests& tests, const ExtractedCode& code) {
  const auto text = native_text(tests, code, key);
  if (!text) return {0, text.error().message};
  const std::string flags = fmt::format("-DR1_FINISH=r1_finish_{} -DR1_FAIL=r1_fail_{}", key, key);
  const auto program = builder.build(languages.at(tests.language), *text, {kNativeHarness, flags});
  if (!program) return invalid(program.error());
  if (!(*program)->error.empty()) return {0, short_text("does not compile: " + (*program)->error)};
  SandboxTask task;
  task.command = (*program)->command;
  task.files = (*program)->files;
  task.input = secret();
  task.with_proc = false;
  task.limits = run_limits();
  const auto run = sandbox.run(task);
  if (!run) return invalid(run.error());
  const bool passed = run->ok() && run->out.ends_with("\n" + task.input + " 0 ok\n");
  if (passed) return {1, "passes its asserts"};
  const bool left = run->ok();
  return {0, left ? "ended before its asserts did" : how_it_failed(*run, task.limits)};
}

Result<std::string> CodeReward::State::run_checker(const CodeTests& tests,
                                                   const CodeTests::Pair& pair,
                                                   const std::string& output) {
  R1_TRY(const auto checker, build(tests.checker_language, tests.checker));
  if (!checker->error.empty()) return fail("the checker does not compile: {}", checker->error);
  SandboxTask task;
  task.command = checker->command;
  task.files = checker->files;
  for (const auto& [name, content] :
       {std::pair<const char*, const std::string&>("input", pair.input),
        {"output", output},
        {"answer", pair.output}}) {
    task.files.push_back({std::string("/jail/") + name, content});
    task.command.push_back(task.files.back().path);
  }
  task.limits = run_limits();
  R1_TRY(const SandboxRun run, sandbox.run(task));
  return run.ok() ? "" : "the checker refuses: " + how_it_failed(run, task.limits);
}

Result<std::string> CodeReward::State::try_pair(const CodeTests& tests, const Program& program,
                                                const CodeTests::Pair& pair) {
  SandboxTask task;
  task.command = program.command;
  task.files = program.files;
  task.input = pair.input;
  task.limits = run_limits();
  R1_TRY(const SandboxRun run, sandbox.run(task));
  if (!run.ok()) return how_it_failed(run, task.limits);
  if (!tests.checker.empty()) return run_checker(tests, pair, run.out);
  const auto said = lines_of(run.out), wanted = lines_of(pair.output);
  for (size_t i = 0; i < std::max(said.size(), wanted.size()); ++i) {
    if (i < said.size() && i < wanted.size() && said[i] == wanted[i]) continue;
    const auto line = [&](const auto& all) {
      return i < all.size() ? "'" + all[i] + "'" : "nothing";
    };
    return short_text(fmt::format("line {} is {}, not {}", i + 1, line(said), line(wanted)));
  }
  return "";
}

Verdict CodeReward::State::judge_input(const CodeTests& tests, const std::string& text) {
  const auto program = build(tests.language, text);
  if (!program) return invalid(program.error());
  if (!(*program)->error.empty()) return {0, short_text("does not compile: " + (*program)->error)};
  size_t n_passed = 0;
  std::string failure;
  for (size_t i = 0; i < tests.pairs.size(); ++i) {
    const auto wrong = try_pair(tests, **program, tests.pairs[i]);
    if (!wrong) return invalid(wrong.error());
    n_passed += wrong->empty();
    if (!wrong->empty() && failure.empty()) failure = fmt::format("test {}: {}", i, *wrong);
    if (!wrong->empty() && !options.partial) break;
  }
  return credit(n_passed, tests.pairs.size(), failure);
}

Verdict CodeReward::State::judge(const CodeTests& tests, const ExtractedCode& code) {
  switch (tests.kind) {
    case CodeTests::Kind::kCalls:
      return judge_calls(tests, code);
    case CodeTests::Kind::kNativeAsserts:
      return judge_native(tests, code);
    case CodeTests::Kind::kInput:
      break;
  }
  return judge_input(tests, code.text);
}

Result<std::unique_ptr<const CodeReward>> CodeReward::open(const CodeOptions& options,
                                                           const RewardOptions& common) {
  if (!(options.seconds > 0) || !(options.compile_seconds > 0) || options.memory_mb < 16 ||
      options.output_kb < 1 || options.disk_mb < 1 || options.processes < 1) {
    return fail("code: every limit must be above 0, and memory_mb at least 16");
  }
  R1_TRY(auto languages, make_languages(options.languages));
  R1_TRY(Sandbox sandbox, Sandbox::open(options.sandbox));
  auto state = std::make_unique<State>(options, common, std::move(sandbox), std::move(languages));
  return std::make_unique<const CodeReward>(std::move(state));
}

CodeReward::CodeReward(std::unique_ptr<State> state) : state_(std::move(state)) {}
CodeReward::~CodeReward() = default;

bool CodeReward::can_judge(const Problem& problem) const {
  return read_code_tests(problem, state_->options.language).has_value();
}

Verdict CodeReward::score(const Problem& problem, const Completion& completion) const {
  const auto tests = read_code_tests(problem, state_->options.language);
  if (!tests) return invalid(tests.error());
  if (!completion.finished) return {0, "truncated"};
  const std::string_view said = said_after_thought(completion, state_->common);
  const ExtractedCode code = extract_code(said, tests->language);
  if (code.text.find_first_not_of(" \t\r\n") == std::string::npos) return {0, "no code"};
  if (state_->common.strict && !code.is_fenced) return {0, "no block of code"};
  return state_->judge(*tests, code);
}

Verdict CodeReward::judge_program(const Problem& problem, const std::string& program) const {
  const auto tests = read_code_tests(problem, state_->options.language);
  if (!tests) return invalid(tests.error());
  return state_->judge(*tests, {program, false});
}

std::vector<Verdict> CodeReward::score_all(std::span<const Ask> asks, ThreadPool&) const {
  // Threads of its own: these wait for other processes, and the pool's would spin meanwhile.
  std::vector<Verdict> verdicts(asks.size());
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < asks.size(); i = next++) {
      verdicts[i] = score(*asks[i].problem, asks[i].completion);
    }
  };
  std::vector<std::jthread> threads;
  const size_t n = std::min(asks.size(), static_cast<size_t>(state_->sandbox.slots()));
  for (size_t i = 0; i < n; ++i) threads.emplace_back(work);
  threads.clear();
  return verdicts;
}

Result<std::unique_ptr<const Reward>> make_code(const RewardSettings& settings) {
  R1_TRY(const CodeOptions options, read_options<CodeOptions>(settings));
  return CodeReward::open(options, settings.common);
}

}  // namespace r1
