// The loop that pretraining and supervised fine-tuning share.
#pragma once

#include <functional>
#include <optional>

#include "train/expert_balance.h"
#include "train/pretrain.h"

namespace r1 {

/// What the gradients of one step were added up from; the loss is per unit of weight.
struct StepLoss {
  double loss = 0, weight = 0;
  int64_t n_rows = 0, n_sequences = 0;
  Metrics metrics;  // of the objective, for the log
  MtpLoss mtp;
};

/// What one kind of supervised training plugs into the loop.
struct SupervisedPlan {
  std::string title;
  std::function<Result<std::vector<TokenSequence>>()> next;  // sequences of one optimizer step
  std::function<Result<StepLoss>()> accumulate = {};  // instead of next, for losses not of tokens
  std::function<double(int64_t step)> rate;           // learning rate
  std::function<bool(int64_t step)> is_done;          // after `step` steps
  std::function<std::string()> state;                 // JSON for the checkpoint
  // Extra metrics after a step; may be empty. A step that has some is always recorded.
  std::function<Result<Metrics>(int64_t step)> measure;
  std::function<std::vector<NamedTensor>()> tensors = {};  // more for the checkpoint; may be empty
  std::optional<ExpertBalance> balance = {};  // absent: experts are counted and left as they are
  std::function<double(int64_t step)> share_done;  // of the run, after a step
  MtpSchedule mtp = {};  // for a model that has modules of multi-token prediction
};

/// Who is evaluated, and where that is recorded.
struct EvaluatedRun {
  Run& run;
  const Transformer& model;
  const Chat& chat;
  const Machine& machine;
  int64_t max_steps = 0;
};
/// Adds an evaluation to what the plan measures, every so many steps and after the last; that
/// before the first step is recorded at once. Without an evaluation, or 0 steps, nothing is done.
Result<void> add_evaluation(SupervisedPlan& plan, const Evaluation& evaluation, int64_t eval_steps,
                            const EvaluatedRun& run);

Result<StageReport> run_supervised(Run& run, Learner& learner, const ModelAssets& assets,
                                   const TrainingArguments& args, const SupervisedPlan& plan);

/// Peak of this machine's multiply-adds with these threads, measured in a few milliseconds. FLOP/s.
double machine_peak(const Launch& launch);

/// Adds up all micro-batches of one step. mtp_weight: of the loss of multi-token prediction.
Result<StepLoss> accumulate_nll(Learner& learner, const std::vector<TokenSequence>& sequences,
                                int64_t micro_batch_tokens, double mtp_weight = 0);

}  // namespace r1
