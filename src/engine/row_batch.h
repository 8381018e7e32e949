// Rows of several sequences, packed for one forward pass.
#pragma once

#include <vector>

#include "engine/kv_pages.h"

namespace r1 {

/// Reused from batch to batch, so that nothing is allocated in a step.
class RowBatch {
 public:
  void clear();
  void add(int32_t token, int64_t position) {
    tokens_.push_back(token);
    positions_.push_back(static_cast<int32_t>(position));
  }
  /// Ends the rows of one sequence; its pages must stay where they are until rows() was used.
  void close(const std::vector<int32_t>& pages);

  int64_t n_rows() const { return static_cast<int64_t>(tokens_.size()); }
  /// The first row of sequence b; of b = their number, the end.
  int32_t begin(size_t b) const { return offsets_[b]; }
  /// Valid until the batch changes.
  Rows rows(const KvPages& memory);

 private:
  std::vector<int32_t> tokens_, positions_, offsets_{0}, page_table_;
  std::vector<const std::vector<int32_t>*> pages_;
};

}  // namespace r1
