// Runs the built program as a user would: arguments in, exit status and both outputs back.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/scratch.h"

namespace r1 {

using Args = std::vector<std::string>;

inline Args operator+(Args a, const Args& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

struct Outcome {
  int status = -1;  // exit status; -1: ended by a signal
  int signal = 0;
  std::string out, err;
  double seconds = 0;
};

struct Limits {
  std::string input = "";                // standard input
  int64_t file_bytes = 0;                // no file may grow beyond; 0: no limit
  double kill_after = 0;                 // seconds until kill -9; 0: never
  std::function<bool()> kill_when = {};  // kill -9 as soon as this holds, asked all the time
};

inline std::string slurp(const Path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void spill(const Path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

/// In the child: the two outputs to files, the limits set, then the program.
[[noreturn]] inline void become_program(const Args& args, const Limits& limits,
                                        const Path& folder) {
  const auto redirect = [&](const char* name, int flags, int to) {
    const int fd = ::open((folder / name).c_str(), flags, 0666);
    if (fd < 0 || ::dup2(fd, to) < 0) _exit(126);
  };
  redirect("in", O_RDONLY, STDIN_FILENO);
  redirect("out", O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
  redirect("err", O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
  if (limits.file_bytes > 0) {
    const rlimit most{static_cast<rlim_t>(limits.file_bytes),
                      static_cast<rlim_t>(limits.file_bytes)};
    ::setrlimit(RLIMIT_FSIZE, &most);
  }
  std::vector<char*> argv{const_cast<char*>(R1_BINARY)};
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  ::execv(R1_BINARY, argv.data());
  _exit(127);
}

inline Outcome run_r1(const Args& args, const Limits& limits = {}) {
  const Scratch scratch;
  spill(scratch / "in", limits.input);
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  if (child == 0) become_program(args, limits, scratch.path());
  EXPECT_GT(child, 0);
  if (limits.kill_after > 0) {
    std::this_thread::sleep_for(std::chrono::duration<double>(limits.kill_after));
    ::kill(child, SIGKILL);
  }
  if (limits.kill_when) {
    siginfo_t ended = {};
    while (!limits.kill_when() &&
           !(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
             ended.si_pid == child))
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    ::kill(child, SIGKILL);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  Outcome outcome;
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (WIFEXITED(status)) outcome.status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  outcome.out = slurp(scratch / "out");
  outcome.err = slurp(scratch / "err");
  return outcome;
}

/// Runs what must work; returns what it printed.
inline std::string must_run(const Args& args, const Limits& limits = {}) {
  const Outcome outcome = run_r1(args, limits);
  EXPECT_EQ(outcome.status, 0) << args[0] << ": " << outcome.err;
  return outcome.out;
}

/// Runs what must be refused: exit status 1, not a signal, and exactly one error; returns that
/// line.
inline std::string must_fail(const Args& args, const Limits& limits = {}) {
  const Outcome outcome = run_r1(args, limits);
  EXPECT_EQ(outcome.status, 1) << args[0] << ": " << outcome.err;
  EXPECT_EQ(outcome.signal, 0);
  const size_t at = outcome.err.find("error: ");
  EXPECT_NE(at, std::string::npos) << outcome.err;
  if (at == std::string::npos) return "";
  EXPECT_EQ(outcome.err.find("error: ", at + 1), std::string::npos) << outcome.err;
  return outcome.err.substr(at);
}

/// A model so small that a step takes a millisecond.
inline Args tiny_shape() {
  return {"--new_model.d_model",    "16", "--new_model.n_layers", "1", "--new_model.n_heads", "2",
          "--new_model.n_kv_heads", "2",  "--new_model.head_dim", "8", "--new_model.d_ff",    "32",
          "--tokens_per_step",      "256"};
}

inline Args pretrain_args(const Path& output_dir, int steps) {
  return Args{"pretrain", "--output_dir", output_dir.string(), "--max_steps",
              std::to_string(steps)} +
         tiny_shape();
}

/// The folder of a tiny model, made once for the whole test program.
inline const Path& tiny_model() {
  static const Scratch scratch;
  static const Path folder = [] {
    must_run(pretrain_args(scratch / "run", 1));
    return scratch / "run" / "final";
  }();
  return folder;
}

#define EXPECT_HAS(text, part) \
  EXPECT_NE((text).find(part), std::string::npos) << "no '" << (part) << "' in: " << (text)

}  // namespace r1
