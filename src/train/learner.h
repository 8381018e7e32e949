// Moves weights: micro-batches in, gradients added, one clipped AdamW step.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "engine/scorer.h"
#include "models/transformer.h"
#include "nn/expert_tally.h"
#include "nn/optimizer.h"
#include "train/batch.h"
#include "train/mtp.h"

namespace r1 {

struct ComputeConfig {
  int threads = 0;  // 0: all usable cores
  std::string backend = "auto";

  void visit(auto&& f) {
    f("threads", threads, "threads; 0: every core this process may use");
    f("backend", backend, "auto, reference, generic, avx2 or avx512; all give equal bits");
  }
};

/// Threads and backend of a process.
class Machine {
 public:
  static Result<Machine> open(const ComputeConfig& config);
  Launch launch() const { return {backend_, pool_.get()}; }
  int threads() const { return pool_->size(); }
  Backend backend() const { return backend_; }

 private:
  Backend backend_ = Backend::kReference;
  std::unique_ptr<ThreadPool> pool_;
};

/// Per-token results in loss-row order, and where the derivative goes.
struct TokenView {
  std::span<const float> logp, entropy;
  std::span<float> dlogp, dentropy;
};
using Objective = std::function<void(const TokenView&)>;

/// The score of each sequence of a batch, and where the derivative goes.
struct ScoreView {
  std::span<const float> score;
  std::span<float> dscore;
};
using ScoreObjective = std::function<void(const ScoreView&)>;

/// One thread drives it.
class Learner {
 public:
  Learner(Transformer& model, const AdamWConfig& config, Dtype kv_dtype, bool recompute,
          const Launch& launch);

  /// Forward, objective, backward; gradients add. NaN or Inf among logp is an error. mtp with a
  /// weight: multi-token prediction joins the loss.
  Result<void> accumulate(const Batch& batch, float inverse_temperature, const Objective& objective,
                          MtpLoss* mtp = nullptr);
  /// The same for a model that scores. NaN or Inf among the scores is an error.
  Result<void> accumulate(const ScoreBatch& batch, const ScoreObjective& objective);
  /// Whether the next steps leave the modules of multi-token prediction as they are.
  void freeze_mtp(bool is_frozen) {
    optimizer_.learn_first(is_frozen ? model_.mtp_begin() : model_.trained().numel());
  }
  /// One update; returns the gradient norm before clipping. On error nothing changed.
  Result<double> step(float learning_rate);

  Transformer& model() { return model_; }
  AdamW& optimizer() { return optimizer_; }
  /// Counts of the step under way and of the last one; all experts of the model take part.
  ExpertTally& experts() { return experts_; }
  Arena& arena() { return arena_; }
  Dtype kv_dtype() const { return kv_dtype_; }
  const Launch& launch() const { return launch_; }

 private:
  Transformer& model_;
  AdamW optimizer_;
  ExpertTally experts_;
  Arena arena_;
  Dtype kv_dtype_;
  bool recompute_;
  Launch launch_;
};

/// logp of the loss rows under a model, forward only.
std::vector<float> score_batch(const Transformer& model, const Batch& batch,
                               float inverse_temperature, Context ctx);

/// Multiply-adds × 2 of one forward pass: of the weight matrices, per token, and of attention, per
/// token and key.
struct FlopCount {
  double per_token = 0, per_token_and_key = 0;
  double passes = 3;  // of a training step, in forwards: frozen weights have no gradient, so 2

  double forward(double n_tokens, double mean_length) const {
    return n_tokens * (per_token + per_token_and_key * mean_length / 2);
  }
  /// Forward and backward over a sequence of n tokens.
  double train(double n_tokens, double mean_length) const {
    return passes * forward(n_tokens, mean_length);
  }
};
FlopCount count_flops(const ModelConfig& config);
/// Without the adapters, which add a few in a hundred.
/// trains_mtp: with the modules of multi-token prediction, each with its own pass of the head.
FlopCount count_flops(const Transformer& model, bool trains_mtp = false);

}  // namespace r1
