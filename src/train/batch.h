// One micro-batch: token sequences packed row by row, without padding.
#pragma once

#include <vector>

#include "data/packing.h"
#include "nn/context.h"
#include "nn/lm_head.h"

namespace r1 {

/// Owns the arrays that Rows and LossRows look at. Row t of a sequence predicts its token t + 1;
/// the last token needs no row. Loss rows are those whose next token has a weight.
class Batch {
 public:
  explicit Batch(const std::vector<const TokenSequence*>& sequences);

  Rows rows() const;
  LossRows loss_rows(float inverse_temperature) const;
  const std::vector<float>& weights() const { return weights_; }  // (n loss rows)

  /// Depth k of multi-token prediction: row t of a sequence reads its token t + k and predicts its
  /// token t + k + 1. A row whose token t + k is beyond the end reads the last one, for nothing.
  struct Ahead {
    std::vector<int32_t> tokens;         // (N)
    std::vector<int32_t> rows, targets;  // (n) those with a loss
    std::vector<float> weights;          // (n)
  };
  Ahead ahead(int64_t k) const;

  int64_t n_rows() const { return static_cast<int64_t>(tokens_.size()); }
  int64_t n_loss() const { return static_cast<int64_t>(loss_rows_.size()); }

 private:
  std::vector<int32_t> tokens_, positions_, offsets_, page_table_;
  std::vector<int32_t> next_tokens_;  // (N) what each row predicts
  std::vector<float> next_weights_;   // (N)
  int64_t max_pages_ = 0, n_pages_ = 0;
  std::vector<int32_t> loss_rows_, targets_;
  std::vector<float> weights_;
  std::vector<const std::vector<int32_t>*> kept_;  // of each loss row; empty: of none
};

}  // namespace r1
