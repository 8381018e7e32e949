// Picks one token per row of logits; the random numbers are keyed by sequence and position.
#pragma once

#include <cmath>

#include "kernels/backend.h"

namespace r1 {

/// How one row is sampled. temperature 0 means the largest logit (the lowest index among equals).
struct SampleRow {
  float temperature = 1.0f;
  int32_t top_k = 0;              // 0: off
  float top_p = 1.0f;             // 1: off
  float min_p = 0.0f;             // 0: off
  uint64_t seed = 0, stream = 0;  // key of the sequence
  int64_t position = 0;           // of the token that is drawn
};

struct SamplingKernels {
  /// tokens[n] = argmax z_i + gumbel_i over the kept tokens (Gumbel-max; ties: the lower index).
  /// z = logits / T; a NaN counts as -inf; without a finite largest z the largest is taken.
  /// gumbel_i comes from word i / 16 % 4 of philox block 16 (i / 64) + i % 16, keyed by seed,
  /// stream and position: 16 neighbours are one word of 16 blocks.
  /// Kept: the top_k largest logits (ties: the lower index);
  /// of those the fewest whose softmax mass reaches top_p;
  /// of those the ones with odds exp(z - max z) >= min_p.
  /// Masses are whole numbers, odds in units of 2^-30, so that their sums have no order.
  void (*sample)(const Launch&, int32_t* tokens, Tensor logits, const SampleRow* rows);
  /// Logits of tokens that `sample` would not keep become -inf: what is left is what it draws from.
  void (*keep)(const Launch&, Tensor logits, const SampleRow* rows);
};
const SamplingKernels& sampling_kernels(Backend);

void sample_rows(const Launch&, int32_t* tokens, Tensor logits, const SampleRow* rows);
void keep_rows(const Launch&, Tensor logits, const SampleRow* rows);

/// exp(z - max z) as a whole number, truncated.
constexpr float kMassUnit = 0x1p30f;

/// The least mass that reaches top_p of the total; at least 1, so that the best token is kept.
inline uint64_t mass_needed(float top_p, uint64_t total) {
  const double needed = std::ceil(static_cast<double>(top_p) * static_cast<double>(total));
  return needed < 1.0 ? 1 : static_cast<uint64_t>(needed);
}

}  // namespace r1
