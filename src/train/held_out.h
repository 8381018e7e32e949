// Problems that a run is measured on while it trains, and never learns from.
#pragma once

#include <functional>

#include "base/records.h"
#include "engine/chat.h"
#include "train/learner.h"

namespace r1 {

struct HeldOutConfig {
  std::string eval_data;
  int64_t eval_steps = 0;
  int64_t eval_limit = 128;
  int eval_samples = 4;

  void visit(auto&& f) {
    f("eval_data", eval_data, "held-out JSONL for --eval_steps; the built-in task has its own");
    f("eval_steps", eval_steps, "evaluate on held-out problems every so many steps; 0: never");
    f("eval_limit", eval_limit, "held-out problems");
    f("eval_samples", eval_samples, "completions of each held-out problem");
  }
};

/// Called before step 0, every eval_steps, and at the end; its metrics are recorded as they are.
using Evaluation = std::function<Result<Metrics>(int64_t step, const Transformer& model,
                                                 const Chat& chat, const Machine& machine)>;

}  // namespace r1
