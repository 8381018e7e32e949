// The code reward: a program is right when it passes the tests of its row, in the sandbox.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "reward/reward.h"
#include "reward/sandbox.h"
#include "reward/settings.h"

namespace r1 {

struct CodeOptions {
  std::string language = "python";
  std::vector<std::string> languages;
  bool partial = false;
  double seconds = 4;
  int memory_mb = 512, output_kb = 1024, disk_mb = 64, processes = 64;
  double compile_seconds = 30;
  SandboxConfig sandbox;

  void visit(auto&& f) {
    f("language", language, "of rows that do not say: python, cpp, c or one of languages");
    f("languages", languages, "others as NAME|FILE|COMPILE|RUN: js|main.js||node {in}");
    f("partial", partial, "pay the share of tests passed, not all or nothing");
    f("seconds", seconds, "wall clock of one input, or of all asserts of a row");
    f("memory_mb", memory_mb, "memory of the program and all it starts");
    f("output_kb", output_kb, "how much it may print");
    f("disk_mb", disk_mb, "how much it may write");
    f("processes", processes, "processes and threads at once");
    f("compile_seconds", compile_seconds, "wall clock of the compiler");
    f("sandbox", sandbox);
  }
};

/// Any thread may call score. A program that fails, hangs or attacks costs its own reward; only a
/// jail that cannot be built makes a verdict invalid.
class CodeReward : public Reward {
 public:
  /// Opens the sandbox; without isolation this is an error with the remedy.
  static Result<std::unique_ptr<const CodeReward>> open(const CodeOptions& options,
                                                        const RewardOptions& common = {});
  ~CodeReward() override;

  Verdict score(const Problem& problem, const Completion& completion) const override;
  bool can_judge(const Problem& problem) const override;
  /// As many at once as the sandbox has slots.
  std::vector<Verdict> score_all(std::span<const Ask> asks, ThreadPool& pool) const override;

  /// Judges a program as it stands, without looking for it in a completion.
  Verdict judge_program(const Problem& problem, const std::string& program) const;

  struct State;
  explicit CodeReward(std::unique_ptr<State> state);

 private:
  std::unique_ptr<State> state_;
};

/// For the registry.
Result<std::unique_ptr<const Reward>> make_code(const RewardSettings& settings);

}  // namespace r1
