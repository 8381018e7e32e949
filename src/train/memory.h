// How much memory a run will need, known before it starts: the same code on the plan backend.
#pragma once

#include "engine/engine.h"
#include "train/run.h"

namespace r1 {

struct MemoryPlan {
  std::vector<std::pair<std::string, int64_t>> parts;  // name, bytes
  int64_t total() const;
};

/// Weights, gradients, optimizer and the activations of one micro-batch of full-length sequences.
MemoryPlan plan_training(const ModelConfig& config, Dtype dtype, Dtype kv_dtype,
                         const TrainingArguments& args, int64_t max_length);
/// The same of a model that is there, adapted or not: what is frozen is told by its dtype.
MemoryPlan plan_training(const Transformer& model, Dtype kv_dtype, const TrainingArguments& args,
                         int64_t max_length);
/// Weights, pages and the activations of the largest batch.
MemoryPlan plan_engine(const Transformer& model, Dtype kv_dtype, const EngineConfig& engine);
MemoryPlan plan_engine(const ModelConfig& config, Dtype dtype, Dtype kv_dtype,
                       const EngineConfig& engine);

/// MemAvailable of this machine in bytes; 0 when unknown.
int64_t available_memory();

/// One line: "memory: 12.3 MiB = weights 1.3 MiB + …"; warns when it exceeds what is free.
void log_memory(const MemoryPlan& plan);

}  // namespace r1
