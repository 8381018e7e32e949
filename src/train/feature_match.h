// Features: the student's residual stream, through a learned projection, against the teacher's.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/stored.h"
#include "nn/optimizer.h"
#include "train/batch.h"
#include "train/distill_loss.h"
#include "train/learner.h"

namespace r1 {

/// Student's layer s is matched with the teacher's layer t: the residual stream after so many
/// blocks, 0 being the embedding.
struct LayerPair {
  int64_t student = 0, teacher = 0;
};

/// "2:4" each; empty: each of the student's layers with the one as far up in the teacher.
Result<std::vector<LayerPair>> parse_layer_pairs(const std::vector<std::string>& texts,
                                                 int64_t n_student, int64_t n_teacher);

/// One projection W (C teacher, C student) a pair, which an optimizer of its own moves. Any
/// architecture will do: only residual streams meet, and no latents or experts.
class FeatureMatch {
 public:
  FeatureMatch(std::vector<LayerPair> pairs, int64_t d_student, int64_t d_teacher, FeatureLoss kind,
               const AdamWConfig& config, uint64_t seed, const Launch& launch);

  /// Adds the losses of a micro-batch: mean over pairs of Σ_rows weight / total · loss. What the
  /// pair's stream is to get lies in dh(layer) until the arena is rewound.
  double add(Context& ctx, const Batch& batch, const Transformer::Saved& student,
             const Transformer::Saved& teacher, double weight, double total);
  /// dh += the gradient of the student's stream of that layer, if it is matched.
  void add_gradient(int64_t layer, Tensor dh) const;

  Result<double> step(float rate);
  /// Projections and moments, for checkpoints.
  std::vector<NamedTensor> tensors() const;
  /// After the tensors were read back.
  void restored(int64_t n_steps);

 private:
  std::vector<LayerPair> pairs_;
  FeatureLoss kind_;
  Launch launch_;
  std::vector<Linear> projections_;
  ParameterStore store_;
  Arena panels_;
  std::unique_ptr<AdamW> optimizer_;
  std::vector<Tensor> dh_;  // of each pair
};

}  // namespace r1
