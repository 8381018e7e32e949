// Evaluation on held-out problems while a model trains, for the verbs that train on problems.
#pragma once

#include "data/dataset.h"
#include "eval/evaluate.h"
#include "train/held_out.h"

namespace r1 {

/// What a run trains on, and how its answers are judged. samples and seed of `eval` are set here.
struct HeldOutTask {
  std::string data;
  DatasetOptions columns;
  uint64_t seed = 0;
  std::string kv_dtype;
  EvalConfig eval;
};

/// No evaluation without eval_steps. They are an error where there are no problems: for data other
/// than the built-in task, without eval_data.
Result<Evaluation> held_out_evaluation(const HeldOutConfig& config, const HeldOutTask& task);

}  // namespace r1
