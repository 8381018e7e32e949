// Cosines and sines of rotary positions.                                     [Su et al. 2021, eq.
// 34]
#pragma once

#include <vector>

#include "tensor/arena.h"
#include "tensor/tensor.h"

namespace r1 {

/// How a model reaches beyond the positions that it was first trained on.
struct RopeScaling {
  enum class Kind { kNone, kLinear, kLlama3, kYarn };
  Kind kind = Kind::kNone;
  double factor = 1.0;
  double low_freq_factor = 1.0, high_freq_factor = 4.0;  // llama3
  double beta_fast = 32.0, beta_slow = 1.0;              // yarn
  bool truncate = true;                                  // yarn: the ramp's ends are whole numbers
  int64_t original_max_positions = 0;
  double attention_factor = 1.0;  // multiplies cos and sin
};

/// The D / 2 angles of one position step: theta^(-2 i / D), scaled.
/// [Su et al. 2021, eq. 34; linear: Chen et al. 2023; llama3: Llama 3.1; yarn: Peng et al. 2023,
/// eqs. 19-23]
std::vector<float> rope_frequencies(int64_t head_dim, double theta, const RopeScaling& scaling);

/// cos, sin (n_positions, D / 2) of position · frequency; angles are rounded to f32 as the
/// Hugging Face code rounds them.
class RopeTable {
 public:
  RopeTable() = default;
  ~RopeTable();
  RopeTable(const RopeTable&) = delete;
  RopeTable& operator=(const RopeTable&) = delete;

  void build(int64_t n_positions, int64_t head_dim, double theta, const RopeScaling& scaling = {});
  /// Makes sure that rows up to this position are filled in; a long table grows as it is used.
  void reach(int64_t position);
  /// Shapes without numbers, for the plan backend.
  void plan(int64_t n_positions, int64_t head_dim);

  Tensor cos() const { return cos_; }
  Tensor sin() const { return sin_; }
  int64_t n_positions() const { return cos_.empty() ? 0 : cos_.shape[0]; }

 private:
  Tensor cos_, sin_;
  std::byte* memory_ = nullptr;
  size_t bytes_ = 0;
  std::vector<float> frequencies_;
  double attention_factor_ = 1.0;
  int64_t n_filled_ = 0;
};

/// sin and cos in plain double arithmetic: the same bits on every machine.
void sin_cos(double x, double* sin, double* cos);

}  // namespace r1
