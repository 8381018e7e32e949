// How long an optimizer step will take on this machine, from a measurement of a second or two.
#pragma once

#include "train/run.h"

namespace r1 {

/// A run as far as its time depends on it.
struct StepPlan {
  ModelConfig config;
  Dtype dtype = Dtype::kF32, kv_dtype = Dtype::kF32;
  TrainingArguments args = {};  // micro_batch_tokens, gradient_checkpointing, optimizer
  int64_t tokens = 1024;        // of one optimizer step
  int64_t length = 256;         // of a sequence
};

struct StepForecast {
  double gemm_rate = 0;  // FLOP/s of x W at the model's own shapes, all threads
  double cores = 1;      // share of the processor that the threads got while they measured
  double bandwidth = 0;  // bytes/s of the AdamW kernel over arrays beyond the caches
  std::string slice;  // what was run: "the whole model", "1 and 2 of 12 layers, …"; "": nothing
  double slice_seconds = 0;                        // forward and backward of it
  double compute_seconds = 0, update_seconds = 0;  // of a whole step
  bool is_bound = false;  // from the products alone: the step takes at least this long
  double seconds() const { return compute_seconds + update_seconds; }
};

/// A model that one step of `seconds` / 2 can hold is run whole. Of a larger one two slices run,
/// one layer apart, so that the difference is a layer; the rest is the same with fewer words and
/// tokens. Too large for that: the products alone.
Result<StepForecast> forecast_step(const StepPlan& plan, const Launch& launch, double seconds);

/// The first part of a model: fewer layers with experts or without, fewer words.
ModelConfig slice_of(const ModelConfig& config, int64_t dense, int64_t sparse, int64_t words);

/// What a measured pair of slices says of the whole. a, b: seconds with one layer of the common
/// kind and with more_layers on top. layers, other: how many of that kind and of the rest there
/// are; other_cost: of one of the rest, in layers; words: vocabulary / that of the slices; tokens:
/// of the step / measured.
struct SlicePair {
  double a = 0, b = 0, more_layers = 1;
  double layer_share = 0;  // of one such layer in b, by FLOPs
  double layers = 1, other = 0, other_in_slice = 0, other_cost = 0;
  double words = 1, tokens = 1, longer = 1;  // longer: cost of a layer at the real length
};
double whole_seconds(const SlicePair& pair);

}  // namespace r1
