// Languages: how a program's text becomes something to run, compiled once per text.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "reward/sandbox.h"

namespace r1 {

struct ProgramLanguage {
  std::string file;     // the source's name
  std::string compile;  // a shell command with {in} and {out}; "" when run as it is
  std::string run;      // words with {in} or {out}
};

/// Python 3, C and C++, and others as "NAME|FILE|COMPILE|RUN", e.g.
/// "rust|main.rs|rustc -O -o {out} {in}|{out}" or "js|main.js||node {in}".
Result<std::map<std::string, ProgramLanguage>> make_languages(
    const std::vector<std::string>& others);

/// A program that can be put in a jail and started.
struct Program {
  std::vector<std::string> command;
  std::vector<SandboxFile> files;
  std::string error;  // what the compiler said; then there is nothing to run
};

/// Compiles in the sandbox, and remembers by content. Any thread may call build.
class ProgramBuilder {
 public:
  ProgramBuilder(const Sandbox& sandbox, SandboxLimits limits)
      : sandbox_(sandbox), limits_(limits) {}

  /// extra: another C file, compiled with these flags and linked in front.
  struct Extra {
    std::string text, flags;
  };
  Result<std::shared_ptr<const Program>> build(const ProgramLanguage& language,
                                               const std::string& text, const Extra& extra = {});

 private:
  Result<Program> compile(const ProgramLanguage& language, const std::string& text,
                          const Extra& extra);
  void remember(const std::string& key, std::shared_ptr<const Program> program);

  const Sandbox& sandbox_;
  SandboxLimits limits_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Program>> programs_;
  std::vector<std::string> order_;  // oldest first
  size_t n_bytes_ = 0;
};

}  // namespace r1
