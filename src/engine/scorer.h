// Whole token sequences and the one number that a scoring model gives each: packed, unpadded.
#pragma once

#include <span>
#include <vector>

#include "models/transformer.h"

namespace r1 {

/// Owns the arrays that Rows looks at: every token of every sequence is a row.
class ScoreBatch {
 public:
  explicit ScoreBatch(std::span<const std::vector<int32_t>* const> sequences);

  Rows rows() const;
  /// Where each sequence's score is read: the row of its last token.
  std::span<const int32_t> last_rows() const { return last_rows_; }
  int64_t n_rows() const { return static_cast<int64_t>(tokens_.size()); }
  int64_t n_sequences() const { return static_cast<int64_t>(last_rows_.size()); }

 private:
  std::vector<int32_t> tokens_, positions_, offsets_, page_table_, last_rows_;
  int64_t max_pages_ = 0, n_pages_ = 0;
};

/// The score of each sequence, forward only, as many at once as fit into max_tokens rows. A
/// sequence's bits depend on it and the weights alone, whatever it is scored with. None is empty
/// or longer than the model's positions.
std::vector<float> score_sequences(const Transformer& model,
                                   std::span<const std::vector<int32_t>> sequences,
                                   int64_t max_tokens, Context ctx);

}  // namespace r1
