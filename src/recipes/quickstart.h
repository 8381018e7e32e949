// The R1-Zero story in miniature: a base that imitates, then pure reinforcement learning.
//
// Departures from the paper [DeepSeek-AI 2025, sec. 2]: 1. a 0.6M-parameter model of V3's kind
// on a built-in task; 2. token-mean loss over groups with variance, clip 0.2/0.28, no KL penalty,
// one update per rollout; 3. format weighs half of accuracy.
#pragma once

#include "eval/evaluate.h"
#include "train/grpo.h"

namespace r1 {

struct QuickstartConfig {
  std::string output_dir = "runs/quickstart";
  uint64_t seed = 0;
  int n_problems = 256, n_samples = 16;
  PretrainConfig base;
  GrpoConfig zero;

  QuickstartConfig();

  void visit(auto&& f) {
    f("output_dir", output_dir,
      "folder of the run; what an earlier quickstart left there is replaced");
    f("seed", seed, "of everything: data, weights, samples");
    f("n_problems", n_problems, "held-out problems of the evaluation");
    f("n_samples", n_samples, "completions of each");
    f("base", base);
    f("zero", zero);
  }
};

/// As /proc/cpuinfo has it.
std::string processor_name();

/// Base, R1-Zero, evaluation of both; writes summary.json and report.html. Returns what the
/// terminal shows at the end: the table and what to try next.
Result<std::string> quickstart(QuickstartConfig config, const std::string& version,
                               const std::string& command, bool colour);

}  // namespace r1
