// Weights with their gradients: one flat store, so that the optimizer and checkpoints see plain
// arrays.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/gemm.h"
#include "tensor/arena.h"
#include "tensor/tensor.h"

namespace r1 {

/// Rows of a matrix that has panels of its own for each of them.
struct PanelGroup {
  PackedMatrix panels;  // (in, rows)
  int64_t first_row = 0;
};

/// One weight of a module; views into its ParameterStore.
struct Parameter {
  std::string name;  // as in the checkpoint
  std::vector<int64_t> shape;
  Tensor weight;  // row by row; f32, or bf16 rounded from master; no memory when panels hold it
  Tensor master;  // f32; the same memory as weight when that is f32; empty: not trained
  Tensor grad;    // f32; empty: not trained
  PackedMatrix panels;             // (in, out) of a matrix that multiplies
  PackedMatrix panels_transposed;  // (out, in), where the weight itself is trained
  /// Rows in repeating groups, each with its own panels: a head's keys, its values, the next
  /// head's keys … {0, 0}: one group.
  std::array<int64_t, 2> row_groups{0, 0};
  bool keep_f32 = false;     // stored as f32 even in a bf16 model (its values are rounded to bf16)
  bool buffer = false;       // f32 state that no gradient moves and nothing rounds
  bool packs = false;        // a matrix that multiplies: for inference its panels are all there is
  bool quantizes = false;    // may be held in 8 or 4 bits for inference
  float first_value = 1.0f;  // of a vector in a new model: 1 for norms, 0 for biases

  int64_t numel() const;
  int64_t n_groups() const;
  PanelGroup group(int64_t i) const;
  std::vector<PanelGroup> groups() const;
  int64_t group_bytes(Dtype dtype) const;  // of all groups' panels
  bool only_panels() const { return packs && weight.data == nullptr && panels.data != nullptr; }
};

/// kInference: matrices live in their panels alone. kReference: rows and panels, no gradients.
enum class StoreUse { kInference, kReference, kTraining, kPlan };

/// Owns the memory of all parameters of one model, in visiting order, each padded to 16 elements.
class ParameterStore {
 public:
  ParameterStore() = default;
  ~ParameterStore();
  ParameterStore(const ParameterStore&) = delete;
  ParameterStore& operator=(const ParameterStore&) = delete;

  /// Gives every parameter its place. kPlan: that of training, no memory, sizes only.
  void allocate(const std::vector<Parameter*>& parameters, Dtype dtype, StoreUse use);

  Tensor masters() const { return masters_; }  // flat (n), f32; empty unless trained
  Tensor grads() const { return grads_; }      // flat (n)
  int64_t numel() const { return numel_; }     // of masters() and grads()
  int64_t n_bytes() const { return n_bytes_; }
  void zero_grads() const;
  /// weight = bf16(master), after an update or a load. A no-op when the model is f32.
  void round_weights(ThreadPool& pool) const;
  const std::vector<Parameter*>& parameters() const { return parameters_; }

 private:
  Tensor take(Dtype dtype, int64_t n, bool plan);
  std::vector<Parameter*> parameters_;
  std::vector<std::pair<std::byte*, size_t>> blocks_;
  Tensor weights_, masters_, grads_;
  Tensor kept_;  // f32 weights of a model of another type
  Dtype dtype_ = Dtype::kF32;
  int64_t numel_ = 0, n_bytes_ = 0;
};

}  // namespace r1
