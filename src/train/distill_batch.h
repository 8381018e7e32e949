// One micro-batch of distillation: student and teacher side by side, forward and backward.
#pragma once

#include <optional>

#include "train/distill.h"
#include "train/feature_match.h"
#include "train/supervised.h"
#include "train/teacher_cache.h"

namespace r1 {

/// Adds up gradients of the student. One thread drives it.
class Distiller {
 public:
  /// teacher may be null when a cache holds what is needed. n_vocabulary: see common_vocabulary; 0
  /// where no logits are compared.
  Distiller(const DistillConfig& config, Learner& learner, const Transformer* teacher,
            int64_t n_vocabulary);

  /// The sequences of one step; ids: their places in the cache's order, where there is a cache.
  Result<StepLoss> divergence(const std::vector<TokenSequence>& sequences,
                              const std::vector<int64_t>& ids = {});
  /// By policy gradient; old_logp: the sampler's, of each sequence's weighted tokens.
  Result<StepLoss> policy_gradient(const std::vector<TokenSequence>& sequences,
                                   const std::vector<std::vector<float>>& old_logp);

  void use_cache(TeacherCache cache, std::vector<int64_t> first_rows) {
    cache_ = std::move(cache);
    first_rows_ = std::move(first_rows);
  }
  void use_features(FeatureMatch* features) { features_ = features; }

 private:
  struct Sums {
    double divergence = 0, hard = 0, features = 0;
  };
  Result<Sums> accumulate(const Batch& batch, const std::vector<int64_t>& cache_rows, double total);
  Sums head(Context& ctx, Tensor dh, Tensor h, Tensor teacher_h, const Batch& batch,
            const std::vector<int64_t>& cache_rows, double total);
  double token_loss(std::span<const float> z, std::span<const float> t, int64_t cache_row,
                    float scale, std::span<float> dz) const;

  const DistillConfig& config_;
  Learner& learner_;
  const Transformer* teacher_;
  int64_t n_vocabulary_;
  std::optional<TeacherCache> cache_;
  std::vector<int64_t> first_rows_;  // of each sequence of the data
  FeatureMatch* features_ = nullptr;
  double alpha_;  // 0 where only features and hard labels count
};

}  // namespace r1
