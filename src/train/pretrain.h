// Next-token training on documents, and supervised fine-tuning on answers: the same loop.
#pragma once

#include <functional>
#include <string>

#include "data/dataset.h"
#include "engine/chat.h"
#include "train/adapters.h"

namespace r1 {

/// Shape of a model made from nothing.
struct NewModel {
  int64_t d_model = 96, n_layers = 3, n_heads = 6, n_kv_heads = 2, head_dim = 16, d_ff = 256;
  int64_t max_positions = 256;
  double rope_theta = 1000.0;
  bool tie_word_embeddings = true;
  double init_std = 0.0;
  double embedding_std = 0.05;

  void visit(auto&& f) {
    f("d_model", d_model, "width");
    f("n_layers", n_layers, "blocks");
    f("n_heads", n_heads, "query heads");
    f("n_kv_heads", n_kv_heads, "key and value heads");
    f("head_dim", head_dim, "width of a head");
    f("d_ff", d_ff, "width of the feed-forward layer");
    f("max_positions", max_positions, "longest sequence");
    f("rope_theta", rope_theta, "base of the rotary angles");
    f("tie_word_embeddings", tie_word_embeddings, "one matrix for embedding and head");
    f("init_std", init_std, "std of new weights; 0: 1 / sqrt(fan-in)");
    f("embedding_std", embedding_std, "std of new embeddings");
  }
};

/// The quality gate of the built-in task: decay begins once the base knows its tables and copies.
struct Gate {
  bool enabled = false;
  double operand = 0.99, sum = 0.95;  // mean probabilities on held-out textbook traces
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
  int64_t max_length = 0;
  Gate gate;
  DatasetOptions columns;
  TrainingArguments train;

  void visit(auto&& f) {
    f("model", model, "model folder to go on from; empty: a new model of the shape below");
    f("data", data, "builtin:last_digit, or a JSONL file with a text column");
    f("tokens_per_step", tokens_per_step, "tokens of one optimizer step, at least");
    f("max_length", max_length, "longer documents are cut into pieces; 0: the model's limit");
    f("new_model", new_model);
    f("gate", gate);
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
Result<StageReport> sft(SftConfig config);

}  // namespace r1
