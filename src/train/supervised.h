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

Result<StageReport> run_supervised(Run& run, Learner& learner, const ModelAssets& assets,
                                   const TrainingArguments& args, const SupervisedPlan& plan);

/// Peak of this machine's multiply-adds with these threads, measured in a few milliseconds. FLOP/s.
double machine_peak(const Launch& launch);

/// Adds up all micro-batches of one step. mtp_weight: of the loss of multi-token prediction.
Result<StepLoss> accumulate_nll(Learner& learner, const std::vector<TokenSequence>& sequences,
                                int64_t micro_batch_tokens, double mtp_weight = 0);

}  // namespace r1
