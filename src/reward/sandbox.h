// The sandbox: runs a program nobody trusts, in namespaces of its own and under hard limits.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace r1 {

struct SandboxConfig {
  int slots = 0;                // programs at once
  std::string bwrap = "bwrap";  // bubblewrap's program, found on PATH
  bool cgroup = true;

  void visit(auto&& f) {
    f("slots", slots, "programs that run at once; 0: one a core");
    f("bwrap", bwrap, "bubblewrap's program");
    f("cgroup", cgroup, "limit memory and processes by a cgroup where one can be made");
  }
};

struct SandboxLimits {
  double seconds = 2;   // wall clock, the start of the jail included
  int memory_mb = 256;  // of all processes together
  int disk_mb = 64;     // of /tmp, the only place to write to
  int output_kb = 64;   // of standard output, and as much of standard error
  int processes = 64;   // threads count
};

/// A file the program finds in its jail, read-only.
struct SandboxFile {
  std::string path;  // absolute, e.g. "/jail/main.py"
  std::string content;
  bool executable = false;
};

struct SandboxTask {
  std::vector<std::string> command;  // command[0]: absolute, or looked up in /usr/bin
  std::vector<SandboxFile> files;
  std::string input;      // standard input
  bool with_proc = true;  // without /proc, processes of one jail cannot look into each other
  SandboxLimits limits;
};

enum class Ending {
  kExited,   // by itself, with any exit status
  kTimeout,  // the limit on seconds
  kMemory,   // the limit on memory
  kOutput,   // wrote more than the limit
};

struct SandboxRun {
  Ending ending = Ending::kExited;
  int status = 0;        // exit status; 128 + number after a signal
  std::string out, err;  // cut at the limit
  double seconds = 0;    // wall clock

  bool ok() const { return ending == Ending::kExited && status == 0; }
};

/// "exit status 1", "killed by signal 11", "time limit of 2 s", …
std::string describe_ending(const SandboxRun& run, const SandboxLimits& limits);

/// A program sees /usr read-only, an empty sized /tmp, its own processes, no network, four
/// variables in its environment, and runs as nobody. Nothing of it outlives run().
/// Any thread may call run; at most `slots` go at once, the others wait.
class Sandbox {
 public:
  /// Tries the jail once and looks whether it isolates; the error says how to make it possible.
  /// There is no way to run without isolation.
  static Result<Sandbox> open(const SandboxConfig& config = {});
  ~Sandbox();
  Sandbox(Sandbox&&) noexcept;
  Sandbox& operator=(Sandbox&&) noexcept;

  /// An error means that the jail could not be built, never that the program did something wrong.
  Result<SandboxRun> run(const SandboxTask& task) const;

  int slots() const;
  std::string description() const;  // "uid 200001…, cgroup v1" for people

 private:
  struct State;
  explicit Sandbox(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace r1
