// Which weights of a stage learn: all of them, or an adapter on a frozen base.
#pragma once

#include "models/peft.h"
#include "train/run.h"

namespace r1 {

/// Fields of every stage that can train an adapter.
struct AdapterArguments {
  std::string adapter;
  std::string quantize;
  LoraConfig lora;

  void visit(auto&& f) {
    f("adapter", adapter, "PEFT folder to go on training, on top of model");
    f("quantize", quantize, "hold the frozen base of an adapter in q8_0 or q4_0");
    f("lora", lora);
  }
};

/// What a stage starts from.
struct TrainedModel {
  ModelPaths paths;
  ModelConfig shape;
  bool is_adapted = false;  // an adapter will learn, not the weights
};

/// Finds the files, before anything is loaded; refuses options that exclude each other.
Result<TrainedModel> find_trained(const std::string& model, const AdapterArguments& adapters,
                                  const TrainingArguments& args);

/// All weights for training; or the frozen base with a new adapter, the one named, or the one of
/// the checkpoint that the run resumes. with_mtp: the frozen base has its modules of multi-token
/// prediction; a base that learns always has them.
Result<LoadedModel> load_trained(const TrainedModel& from, const AdapterArguments& adapters,
                                 const TrainingArguments& args, const Run& run,
                                 const Launch& launch, bool with_mtp = false);

/// "trainable params: 1,024 || all params: 9,216 || trainable%: 11.1111", as PEFT says it.
std::string describe_trainable(const Transformer& model);

}  // namespace r1
