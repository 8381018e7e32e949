#include "train/weight_average.h"

#include <algorithm>
#include <utility>

namespace r1 {
namespace {

constexpr int64_t kGrain = 1 << 14;

}  // namespace

WeightAverage::WeightAverage(const ParameterStore& store, double decay)
    : store_(store),
      decay_(decay),
      average_(store.masters().f32(), store.masters().f32() + store.numel()) {}

void WeightAverage::update(const Launch& launch, int64_t step) {
  const double t = static_cast<double>(step);
  const float rate = static_cast<float>(1.0 - std::min(decay_, (1.0 + t) / (10.0 + t)));
  const float* const weights = store_.masters().f32();
  launch.pool->parallel_for(store_.numel(), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float& average = average_[static_cast<size_t>(i)];
      average += rate * (weights[i] - average);
    }
  });
}

void WeightAverage::exchange(Transformer& model, const Launch& launch) {
  float* const weights = store_.masters().f32();
  launch.pool->parallel_for(store_.numel(), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) std::swap(average_[static_cast<size_t>(i)], weights[i]);
  });
  model.refresh(launch);
}

Tensor WeightAverage::tensor() {
  return Tensor(reinterpret_cast<std::byte*>(average_.data()), Dtype::kF32, {store_.numel()});
}

}  // namespace r1
