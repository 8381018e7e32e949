// Next-token training on documents, and supervised fine-tuning on answers: the same loop.
#pragma once

#include <functional>
#include <string>

#include "data/dataset.h"
#include "engine/chat.h"
#include "models/context_extension.h"
#include "train/adapters.h"
#include "train/expert_balance.h"
#include "train/held_out.h"
#include "train/mtp.h"
#include "train/new_model.h"
#include "train/validation.h"

namespace r1 {

/// The quality gate of the built-in task: decay begins once the base knows its tables and copies.
struct Gate {
  bool enabled = false;
  double operand = 0.97, sum = 0.90;  // mean probabilities on held-out textbook traces
  int64_t every_steps = 100;
  int64_t decay_steps = 1000;  // linear decay to 2 % once the gate is met

  void visit(auto&& f) {
    f("enabled", enabled, "hold the learning rate until the gate is met, then decay it");
    f("operand", operand, "mean probability of a copied operand on held-out problems");
    f("sum", sum, "mean probability of a computed digit on held-out problems");
    f("every_steps", every_steps, "how often it is measured");
    f("decay_steps", decay_steps, "steps of linear decay after it is met");
  }
};

struct PretrainConfig {
  std::string model;  // folder: go on from it; empty: a new one
  std::string data = "builtin:last_digit";
  NewModel new_model;
  int64_t tokens_per_step = 1024;
  BatchRamp ramp;
  int64_t max_length = 0;
  PackingConfig packing;
  ValidationConfig validation;
  double ema_decay = 0.0;
  ContextExtension extension;
  Gate gate;
  MtpSchedule mtp;
  BalanceConfig balance;
  DatasetOptions columns;
  TrainingArguments train;

  void visit(auto&& f) {
    f("model", model, "model folder to go on from; empty: a new model of the shape below");
    f("data", data,
      "builtin:last_digit, a token file of r1 data tokenize, or a file or folder of text: *.jsonl "
      "(a text column), *.txt");
    f("tokens_per_step", tokens_per_step, "tokens of one optimizer step, at least");
    ramp.visit(f);
    f("max_length", max_length, "longer documents are cut into pieces; 0: the model's limit");
    packing.visit(f);
    validation.visit(f);
    f("ema_decay", ema_decay,
      "decay of an average of the weights, which ends up in final_ema/; 0: none");
    extension.visit(f);
    f("new_model", new_model);
    f("gate", gate);
    mtp.visit(f);
    balance.visit(f);
    columns.visit(f);
    train.visit(f);
  }
};

struct SftConfig {
  std::string model;
  std::string data;
  int64_t train_batch_size = 16;
  double num_train_epochs = 0;
  int64_t max_length = 0;
  bool assistant_only_loss = false;
  MtpSchedule mtp{.mtp_loss_weight = 0.1};  // as pretraining ends
  AdapterArguments adapters;
  DatasetOptions columns;
  TrainingArguments train;

  void visit(auto&& f) {
    f("model", model, "model folder to start from; a PEFT folder: go on with its adapter");
    f("data", data, "JSONL with messages ending in an assistant's, or prompt and completion");
    f("train_batch_size", train_batch_size, "examples of one optimizer step");
    f("num_train_epochs", num_train_epochs, "passes over the data; 0: max_steps decides");
    f("max_length", max_length, "longer examples are left out and counted; 0: the model's limit");
    f("assistant_only_loss", assistant_only_loss,
      "learn every assistant turn of a conversation; otherwise only the last");
    mtp.visit(f);
    adapters.visit(f);
    columns.visit(f);
    train.visit(f);
  }
};

/// What a stage reports: for summary.json and for people.
struct StageReport {
  int64_t steps = 0, tokens = 0;
  double seconds = 0, final_loss = 0;
  bool gate_met = false;
  std::string model;  // folder of the result
};

Result<StageReport> pretrain(PretrainConfig config);
/// evaluation: every so many steps, see train/held_out.h.
Result<StageReport> sft(SftConfig config, const Evaluation& evaluation = {},
                        int64_t eval_steps = 0);

}  // namespace r1
