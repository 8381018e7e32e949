// Hostile programs, one file each: none gets out, outlives its jail or holds its slot.
// R1_HOSTILE_ROUNDS=50 runs each so many times and prints how late the verdicts came.
#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/file.h"
#include "reward/code_build.h"
#include "reward/code_extract.h"
#include "reward/sandbox_jail.h"

namespace r1 {
namespace {

int rounds() {
  const char* text = std::getenv("R1_HOSTILE_ROUNDS");
  return text ? std::max(1, std::atoi(text)) : 1;
}

std::vector<Path> hostile_programs() {
  std::vector<Path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(Path(R1_SOURCE_DIR) / "tests/reward/hostile")) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

struct Tally {
  std::mutex mutex;
  int n_runs = 0, n_escapes = 0, n_refused = 0;
  std::vector<std::pair<double, std::string>> lateness;  // seconds beyond the limit, and who

  void add(const Path& file, const Result<SandboxRun>& run, double limit) {
    const std::scoped_lock lock(mutex);
    ++n_runs;
    EXPECT_TRUE(run) << file << ": " << run.error().message;
    if (!run) return;
    const bool escaped = run->out.find("ESCAPED") != std::string::npos;
    EXPECT_FALSE(escaped) << file << ": " << run->out.substr(run->out.find("ESCAPED"), 200);
    n_escapes += escaped;
    if (run->seconds > limit) lateness.emplace_back(run->seconds - limit, file.filename());
  }
};

/// An attack on the compiler must end as a program that does not compile.
void attack_compiler(const Path& file, const ProgramLanguage& language) {
  ProgramBuilder builder(*jail(), {0.5, 512, 64, 0, 64});
  const auto program = builder.build(language, *read_text(file));
  ASSERT_TRUE(program) << file << ": " << program.error().message;
  EXPECT_FALSE((*program)->error.empty()) << file;
}

void attack(const Path& file, ProgramBuilder& builder, Tally& tally) {
  static const auto languages = make_languages({});
  const ProgramLanguage& language =
      languages->at(language_name(file.extension().string().substr(1)));
  SandboxLimits limits;
  limits.seconds = rounds() > 1 ? 0.5 : 0.2;
  limits.memory_mb = 128;
  if (file.filename().string().starts_with("compile_")) return attack_compiler(file, language);
  const auto program = builder.build(language, *read_text(file));
  ASSERT_TRUE(program) << file << ": " << program.error().message;
  ASSERT_TRUE((*program)->error.empty()) << file << ": " << (*program)->error;
  SandboxTask task;
  task.command = (*program)->command;
  task.files = (*program)->files;
  task.limits = limits;
  for (int i = 0; i < rounds(); ++i) tally.add(file, jail()->run(task), limits.seconds);
}

TEST(SandboxHostile, NoProgramGetsOutOrOutlivesItsJail) {
  R1_NEED_JAIL();
  const std::vector<Path> files = hostile_programs();
  ASSERT_GE(files.size(), 60u);
  ProgramBuilder builder(*jail(), {30, 1024, 128, 0, 64});
  Tally tally;
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < files.size(); i = next++) attack(files[i], builder, tally);
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < jail()->slots(); ++i) threads.emplace_back(work);
  threads.clear();
  EXPECT_TRUE(nobody_survives());
  const auto after = jail()->run(shell("echo free"));
  ASSERT_TRUE(after);
  EXPECT_EQ(after->out, "free\n") << "a slot is stuck";
  std::sort(tally.lateness.begin(), tally.lateness.end());
  if (rounds() > 1 && !tally.lateness.empty()) {
    const auto at = [&](double share) {
      return 1000 * tally.lateness[static_cast<size_t>(share * (tally.lateness.size() - 1))].first;
    };
    fmt::print(
        "{} programs, {} runs, {} escapes; {} met a time limit, late by {:.1f} ms (median), "
        "{:.1f} (99 %), {:.1f} (most: {})\n",
        files.size(), tally.n_runs, tally.n_escapes, tally.lateness.size(), at(0.5), at(0.99),
        at(1), tally.lateness.back().second);
  }
  // A loaded machine may be late; a stuck one would be later than this.
  EXPECT_LT(tally.lateness.empty() ? 0 : tally.lateness.back().first, 5.0);
}

}  // namespace
}  // namespace r1
