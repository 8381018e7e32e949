// An exponential moving average of the weights, beside the weights that learn.
#pragma once

#include <vector>

#include "train/learner.h"

namespace r1 {

/// avg += (1 − d) (w − avg) with d = min(decay, (1 + t) / (10 + t)) after step t, so that the first
/// steps are soon forgotten; held in f32. V3 keeps one to estimate how good the model will be once
/// its rate has decayed.                                               [DeepSeek-V3, section 3.2.3]
/// The balancing biases of routers are no weights: they are always the present ones.
class WeightAverage {
 public:
  /// Begins at the present weights.
  WeightAverage(const ParameterStore& store, double decay);

  /// After a step, 1 being the first.
  void update(const Launch& launch, int64_t step);

  /// Exchanges average and weights: the model computes with the average until the next exchange,
  /// which brings every bit back.
  void exchange(Transformer& model, const Launch& launch);

  /// (n), as the store's masters: to save and to restore.
  Tensor tensor();

 private:
  const ParameterStore& store_;
  double decay_;
  std::vector<float> average_;
};

}  // namespace r1
