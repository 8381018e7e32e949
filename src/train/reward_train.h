// Training a reward model: pairs of responses (Bradley-Terry) or labelled ones (cross-entropy).
#pragma once

#include "data/preferences.h"
#include "train/pretrain.h"

namespace r1 {

struct RewardTrainConfig {
  std::string model;
  std::string data;
  std::string eval_data;
  double eval_split = 0;
  int64_t eval_steps = 50;
  int64_t train_batch_size = 16;
  double num_train_epochs = 0;
  int64_t max_length = 0;
  std::string part;
  std::string replay_data;
  double replay_ratio = 0.1;
  double center_rewards_coefficient = 0;
  DatasetOptions columns;
  TrainingArguments train;

  void visit(auto&& f) {
    f("model", model, "model folder to start from: a language model or a reward model");
    f("data", data, "JSONL with prompt, chosen and rejected, or prompt, completion and label");
    f("eval_data", eval_data, "held-out rows of the same kind");
    f("eval_split", eval_split, "hold out this share of data instead, its last rows");
    f("eval_steps", eval_steps, "the held-out rows are scored every so many steps and at the end");
    f("train_batch_size", train_batch_size, "pairs, or responses, of one optimizer step");
    f("num_train_epochs", num_train_epochs, "passes over the data; 0: max_steps decides");
    f("max_length", max_length, "longer rows are left out and counted; 0: the model's limit");
    f("part", part,
      "what is scored: response or summary (after </think>); empty: as the model "
      "says, else response");
    f("replay_data", replay_data,
      "earlier rows to mix in, so that a reward model that goes on learning forgets nothing");
    f("replay_ratio", replay_ratio, "their share of the rows");
    f("center_rewards_coefficient", center_rewards_coefficient,
      "weight of (chosen + rejected)²: scores stay around 0");
    columns.visit(f);
    train.visit(f);
  }
  Result<void> validate() const;
};

/// The report's model is RUN/final: a folder that reward_model takes.
Result<StageReport> train_reward(RewardTrainConfig config);

}  // namespace r1
