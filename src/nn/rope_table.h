// Cosines and sines of rotary positions.                                     [Su et al. 2021, eq.
// 34]
#pragma once

#include <vector>

#include "tensor/arena.h"
#include "tensor/tensor.h"

namespace r1 {

/// cos, sin (n_positions, D / 2) of position · theta^(-2 i / D); angles are rounded to f32 as the
/// Hugging Face code rounds them.
class RopeTable {
 public:
  RopeTable() = default;
  ~RopeTable();
  RopeTable(const RopeTable&) = delete;
  RopeTable& operator=(const RopeTable&) = delete;

  void build(int64_t n_positions, int64_t head_dim, double theta);
  /// Shapes without numbers, for the plan backend.
  void plan(int64_t n_positions, int64_t head_dim);

  Tensor cos() const { return cos_; }
  Tensor sin() const { return sin_; }
  int64_t n_positions() const { return cos_.empty() ? 0 : cos_.shape[0]; }

 private:
  Tensor cos_, sin_;
  std::byte* memory_ = nullptr;
  size_t bytes_ = 0;
};

/// sin and cos in plain double arithmetic: the same bits on every machine.
void sin_cos(double x, double* sin, double* cos);

}  // namespace r1
