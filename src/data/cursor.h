// Which row comes next: a shuffled pass over the data set, then another; resumable at any row.
#pragma once

#include <cstdint>
#include <vector>

#include "base/error.h"

namespace r1 {

/// A permutation of 0 … n-1 that depends on (seed, epoch) alone.
std::vector<int64_t> shuffled_rows(int64_t n, uint64_t seed, int64_t epoch);

/// Endless; epoch and position are all that a checkpoint needs to keep. One thread at a time.
class DataCursor {
 public:
  /// shuffle == false: the rows in file order, every epoch.
  DataCursor(int64_t n_rows, uint64_t seed, bool shuffle = true);

  int64_t next();  // the index of the next row

  int64_t epoch() const { return epoch_; }        // complete passes so far
  int64_t position() const { return position_; }  // rows given in this pass, 0 … n_rows - 1
  /// Goes on where a checkpoint stopped. An error when the data set is no longer that long.
  Result<void> resume(int64_t epoch, int64_t position);

 private:
  void order_rows();
  int64_t n_rows_;
  uint64_t seed_;
  bool shuffle_;
  int64_t epoch_ = 0, position_ = 0;
  std::vector<int64_t> order_;  // of this epoch; empty when not shuffled
};

}  // namespace r1
