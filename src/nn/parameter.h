// Weights with their gradients: one flat store, so that the optimizer and checkpoints see plain
// arrays.
#pragma once

#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "tensor/arena.h"
#include "tensor/tensor.h"

namespace r1 {

/// One weight of a module; views into its ParameterStore.
struct Parameter {
  std::string name;  // as in the checkpoint
  std::vector<int64_t> shape;
  Tensor weight;  // f32, or bf16 rounded from master
  Tensor master;  // f32; the same memory as weight when that is f32; empty: inference in bf16
  Tensor grad;    // f32; empty: not trained
  float init_std = 0.0f;  // 0: ones (a norm)
  bool keep_f32 = false;  // stored as f32 even in a bf16 model (its values are rounded to bf16)

  int64_t numel() const;
};

enum class StoreUse { kInference, kTraining, kPlan };

/// Owns the memory of all parameters of one model, in visiting order, each padded to 16 elements.
class ParameterStore {
 public:
  ParameterStore() = default;
  ~ParameterStore();
  ParameterStore(const ParameterStore&) = delete;
  ParameterStore& operator=(const ParameterStore&) = delete;

  /// Gives every parameter its place. kPlan: no memory, sizes only.
  void allocate(const std::vector<Parameter*>& parameters, Dtype dtype, StoreUse use);

  Tensor masters() const { return masters_; }  // flat (n), f32; empty for bf16 inference
  Tensor grads() const { return grads_; }      // flat (n)
  int64_t numel() const { return numel_; }
  int64_t n_bytes() const { return n_bytes_; }
  void zero_grads() const;
  /// weight = bf16(master), after an update or a load. A no-op when the model is f32.
  void round_weights(ThreadPool& pool) const;
  const std::vector<Parameter*>& parameters() const { return parameters_; }

 private:
  std::byte* take(int64_t bytes);
  std::vector<Parameter*> parameters_;
  std::vector<std::pair<std::byte*, size_t>> blocks_;
  Tensor weights_, masters_, grads_;
  Tensor kept_;  // f32 weights of a bf16 model
  int64_t numel_ = 0, n_bytes_ = 0;
};

}  // namespace r1
