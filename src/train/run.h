// A run is a folder: config.toml, metrics.jsonl, TensorBoard events, samples.jsonl, checkpoints.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/log.h"
#include "base/records.h"
#include "checkpoint/train_state.h"
#include "models/model_io.h"
#include "train/learner.h"
#include "train/schedule.h"

namespace r1 {

/// What every training verb shares. Names as in TRL.
struct TrainingArguments {
  std::string output_dir;
  uint64_t seed = 0;
  std::string dtype = "auto";     // of the weights
  std::string kv_dtype = "auto";  // of keys and values: auto = the weights'
  std::string mla_form = "expanded";
  std::string fp8_gradient_tile = "1x128";
  double learning_rate = 1e-4;
  std::string lr_scheduler_type = "constant";
  int64_t warmup_steps = 0;
  double min_lr_ratio = 0.0;
  RateShape rate_shape;
  int64_t max_steps = 100;
  int64_t micro_batch_tokens = 2048;
  bool gradient_checkpointing = false;
  int64_t save_steps = 100;
  int save_total_limit = 2;
  int64_t logging_steps = 1;
  bool resume = false;
  bool overwrite = false;
  AdamWConfig optimizer;
  ComputeConfig compute;

  void visit(auto&& f) {
    f("output_dir", output_dir, "folder of the run; it ends up with the trained model in final/");
    f("seed", seed, "same seed, same weights");
    f("dtype", dtype,
      "auto (weights as stored), f32, bf16 (with f32 masters) or fp8 (bf16, products in e4m3)");
    f("fp8_gradient_tile", fp8_gradient_tile, "gradients in FP8: 1x128, or 128x128 to see it fail");
    f("kv_dtype", kv_dtype, "keys and values: auto (as the weights), f32 or bf16");
    f("mla_form", mla_form,
      "latent attention: expanded, or absorbed (a small cache); one for sampling and training");
    f("learning_rate", learning_rate, "peak learning rate");
    f("lr_scheduler_type", lr_scheduler_type,
      "after the warm-up: constant, linear, cosine, warmup_stable_decay or deepseek_v3");
    f("warmup_steps", warmup_steps, "linear warm-up from 0");
    f("min_lr_ratio", min_lr_ratio, "the schedule ends at this share of learning_rate");
    rate_shape.visit(f);
    f("max_steps", max_steps, "optimizer steps");
    f("micro_batch_tokens", micro_batch_tokens,
      "tokens computed at once; more steps add gradients");
    f("gradient_checkpointing", gradient_checkpointing,
      "recompute activations: less memory, more time");
    f("save_steps", save_steps, "a checkpoint every so many steps; 0: only at the end");
    f("save_total_limit", save_total_limit, "checkpoints that are kept");
    f("logging_steps", logging_steps, "a metrics line every so many steps");
    f("resume", resume, "go on from the newest checkpoint in output_dir");
    f("overwrite", overwrite, "delete what output_dir holds and start again");
    f("optimizer", optimizer);
    f("compute", compute);
  }
  Result<void> validate() const;
};

/// Learning rate of step (0-based): warm-up, then the schedule over the remaining steps.
Result<double> scheduled_rate(const TrainingArguments& args, int64_t step);
/// The same by planned tokens instead of steps.
Result<double> scheduled_rate(const TrainingArguments& args, int64_t step, const TokenPlan& plan);

/// One metrics line's timing entries are left out of the exact record: they go to timing/.
class Run {
 public:
  /// Makes or reopens the folder. With --resume the newest good checkpoint is found, and the
  /// options are compared with those the run began with (run_options.h).
  /// models: the folders the run starts from, which --overwrite must not delete.
  static Result<Run> open(const TrainingArguments& args, const std::string& config_toml,
                          const std::vector<Path>& models = {});

  const std::optional<LoadedState>& resumed() const { return resumed_; }
  int64_t first_step() const { return resumed_ ? resumed_->step : 0; }

  /// Metrics that depend on seed and data alone; a resumed run writes the same.
  Result<void> record(int64_t step, const Metrics& metrics) { return records_.add(step, metrics); }
  /// Seconds, tokens/s, share of peak: kept apart in timing/, since they differ from run to
  /// run.
  Result<void> record_timing(int64_t step, const Metrics& metrics) {
    return timing_.add(step, metrics);
  }
  /// One JSON object a line, in samples.jsonl.
  Result<void> record_sample(int64_t step, const std::string& json);

  /// One JSON object a line, in watched.jsonl.
  Result<void> record_watched(int64_t step, const std::string& json);

  /// Rows of each expert in each layer, a line of experts.jsonl; nothing where json is empty.
  Result<void> record_loads(int64_t step, const std::string& json);

  /// Weights (or the adapter, where that is what learns), masters, moments and `json` at `step`.
  Result<void> save(int64_t step, Learner& learner, const ModelAssets& assets,
                    const std::string& json, const std::vector<NamedTensor>& more = {});
  /// Puts a checkpoint's masters and moments back.
  Result<void> restore(Learner& learner) const;
  /// The `json` of the checkpoint that was resumed; "{}" when there is none.
  std::string loop_state() const;
  /// The model (or the adapter) alone, to RUN/final.
  Result<void> save_final(const Transformer& model, const ModelAssets& assets) const;

  /// The error of a step (1-based) whose numbers are not finite: with the step, its data and a
  /// remedy.
  Error diverged(int64_t step, const std::string& data, const Error& error) const;

  const Path& folder() const { return folder_; }

 private:
  Result<void> append(const char* file, int64_t step, const std::string& json);
  Run(Path folder, Records records, Records timing, int keep_last)
      : folder_(std::move(folder)),
        records_(std::move(records)),
        timing_(std::move(timing)),
        keep_last_(keep_last) {}

  Path folder_;
  Records records_, timing_;
  int keep_last_;
  std::optional<LoadedState> resumed_;
};

/// Dtypes as the arguments ask; "auto" is the model's (f32 for one of f16).
Result<Dtype> kv_dtype_of(const std::string& name, Dtype model_dtype);

}  // namespace r1
