// The process reward: any external program, started once, JSON Lines in and out.
#pragma once

#include "base/error.h"
#include "reward/settings.h"

namespace r1 {

struct ProcessOptions {
  std::vector<std::string> command;
  int batch_size = 64;
  double timeout_s = 30;
  int retries = 1;
  int64_t max_output = 16 << 20;
  void visit(auto&& f) {
    f("command", command, "program and arguments; a single text is split at spaces");
    f("batch_size", batch_size, "completions of one request");
    f("timeout_s", timeout_s, "seconds for one request; then the program is started again");
    f("retries", retries, "how often a request that failed is sent again");
    f("max_output", max_output, "bytes that one reply may have");
  }
};

/// One line in is one request: {"batch": [{"prompt", "completion", "answer", "finished", and the
/// other columns of the row}, …]}. One line out is its reply: {"scores": [number, null for no
/// verdict, or {"score": …, "reason": …}, …]} in the same order. What the program writes to
/// standard error goes into error messages. A program that ends, answers too late, too much or
/// nonsense is killed and started again; a request that fails in the end has no verdict. A program
/// that cannot be started is an error.
Result<std::unique_ptr<const Reward>> make_process(const RewardSettings& settings);

}  // namespace r1
