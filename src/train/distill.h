// Distillation: by text, by logits, on the student's own samples, and by features.
// [docs/distillation.md]
#pragma once

#include <string_view>

#include "data/dataset.h"
#include "engine/engine.h"
#include "train/held_out.h"
#include "train/new_model.h"
#include "train/pretrain.h"
#include "train/sample.h"

namespace r1 {

/// What the loss of one token is made of.
struct DistillLossConfig {
  std::string divergence = "forward_kl";
  double beta = 0.5;
  double temperature = 1.0;
  double alpha = 1.0;
  std::string feature_loss = "mse";
  std::vector<std::string> feature_layers;
  double feature_weight = 1.0;

  void visit(auto&& f) {
    f("divergence", divergence,
      "forward_kl (cover all the teacher says), reverse_kl (seek its mode) or jsd");
    f("beta", beta, "jsd: weight of the teacher's part; 0 is forward_kl, 1 reverse_kl");
    f("temperature", temperature, "of both distributions; the loss is times its square");
    f("alpha", alpha, "share of the divergence; the rest is cross-entropy with the data's tokens");
    f("feature_loss", feature_loss, "features: mse or cosine");
    f("feature_layers", feature_layers,
      "features: STUDENT:TEACHER pairs of layers, counted from 1; none: each of the student's");
    f("feature_weight", feature_weight, "features: weight beside the cross-entropy");
  }
  Result<void> validate() const;
};

/// How traces are drawn from the teacher: rejection sampling, whose model, data and output are the
/// distillation's.
struct TraceSampling {
  SampleConfig config;

  void visit(auto&& f) {
    config.visit([&](const char* name, auto& member, const char* help = "") {
      constexpr std::string_view kOurs[] = {"model",         "adapter",       "data",
                                            "output",        "overwrite",     "compute",
                                            "prompt_column", "answer_column", "completion_column",
                                            "skip_bad_lines"};
      for (const std::string_view ours : kOurs) {
        if (ours == name) return;
      }
      f(name, member, help);
    });
  }
};

struct DistillConfig {
  std::string teacher;
  std::string model;
  std::string data = "builtin:last_digit";
  std::string method = "traces";
  DistillLossConfig loss;
  int64_t teacher_top_k = 0;
  std::string teacher_cache;
  double lmbda = 0.5;
  std::string objective = "divergence";
  double epsilon = 0.2;
  int64_t max_completion_length = 160;
  SamplingParams sampling = {.temperature = 0.9f};
  EngineConfig engine;
  TraceSampling sample;
  std::string teacher_dtype = "auto", teacher_quantize;
  int64_t train_batch_size = 16;
  double num_train_epochs = 0;
  int64_t max_length = 0;
  NewModel new_model;
  AdapterArguments adapters;
  HeldOutConfig held_out;
  DatasetOptions columns;
  TrainingArguments train;

  void visit(auto&& f) {
    f("teacher", teacher, "model folder to learn from; with sample.url a model's name there");
    f("model", model, "student: a model folder; none: a new one of the shape [new_model]");
    f("data", data,
      "JSONL with prompts, and completions where the data's own tokens are learned; on_policy: "
      "also "
      "builtin:last_digit");
    f("method", method,
      "traces (the teacher's texts), logits (its distribution on the data), on_policy (on what the "
      "student writes), features (its residual stream)");
    loss.visit(f);
    f("teacher_top_k", teacher_top_k,
      "logits: keep the teacher's so many likeliest tokens, computed once; 0: all, anew each time");
    f("teacher_cache", teacher_cache, "where they are kept; none: in output_dir");
    f("lmbda", lmbda, "on_policy: share of the steps on the student's samples, not the data");
    f("objective", objective,
      "on_policy: divergence (of whole distributions), or policy_gradient (of the sampled tokens)");
    f("epsilon", epsilon, "policy_gradient: the ratio is clipped at 1 - epsilon and 1 + epsilon");
    f("max_completion_length", max_completion_length, "on_policy: tokens of a sample");
    f("sampling", sampling);
    f("engine", engine);
    f("sample", sample);
    f("teacher_dtype", teacher_dtype, "weights of the teacher: auto, f32 or bf16");
    f("teacher_quantize", teacher_quantize, "hold the teacher's matrices in q8_0 or q4_0");
    f("train_batch_size", train_batch_size, "examples, or prompts, of one optimizer step");
    f("num_train_epochs", num_train_epochs, "passes over the data; 0: max_steps decides");
    f("max_length", max_length, "longer examples are left out and counted; 0: the model's limit");
    f("new_model", new_model);
    adapters.visit(f);
    held_out.visit(f);
    columns.visit(f);
    train.visit(f);
  }
  Result<void> validate() const;
};

/// evaluation: of the student, by config.held_out. The report's model is RUN/final. traces: samples
/// the teacher into RUN/traces.jsonl (see rejection_sample), then r1 sft on that; both go on where
/// they stopped.
Result<StageReport> distill(DistillConfig config, const Evaluation& evaluation = {});
Result<StageReport> distill_traces(DistillConfig config, const Evaluation& evaluation);

/// Folder of a new student with random weights and the teacher's tokenizer, for any method: it is
/// made once and found again when a run is resumed.
Result<Path> make_student(const NewModel& shape, const Path& teacher, const Path& folder,
                          const TrainingArguments& args, const Launch& launch);

}  // namespace r1
