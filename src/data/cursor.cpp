#include "data/cursor.h"

#include <numeric>
#include <utility>

#include "base/random.h"

namespace r1 {

std::vector<int64_t> shuffled_rows(int64_t n, uint64_t seed, int64_t epoch) {
  CHECK(n >= 0, "shuffled_rows({})", n);
  std::vector<int64_t> rows(n);
  std::iota(rows.begin(), rows.end(), int64_t{0});
  Rng rng(seed,
          stream_key({static_cast<uint64_t>(Purpose::kShuffle), static_cast<uint64_t>(epoch)}));
  for (int64_t i = n - 1; i > 0; --i) std::swap(rows[i], rows[rng.below(i + 1)]);
  return rows;
}

DataCursor::DataCursor(int64_t n_rows, uint64_t seed, bool shuffle)
    : n_rows_(n_rows), seed_(seed), shuffle_(shuffle) {
  CHECK(n_rows > 0, "a cursor over {} rows", n_rows);
  order_rows();
}

void DataCursor::order_rows() {
  if (shuffle_) order_ = shuffled_rows(n_rows_, seed_, epoch_);
}

int64_t DataCursor::next() {
  const int64_t row = shuffle_ ? order_[position_] : position_;
  if (++position_ == n_rows_) {
    position_ = 0;
    ++epoch_;
    order_rows();
  }
  return row;
}

Result<void> DataCursor::resume(int64_t epoch, int64_t position) {
  if (epoch < 0 || position < 0 || position >= n_rows_) {
    return fail(
        "cannot resume at row {} of epoch {}: the data set has {} rows; resume with the data "
        "the run began with",
        position, epoch, n_rows_);
  }
  epoch_ = epoch;
  position_ = position;
  order_rows();
  return {};
}

}  // namespace r1
