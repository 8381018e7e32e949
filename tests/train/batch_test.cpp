#include "train/batch.h"

#include <gtest/gtest.h>

namespace r1 {
namespace {

template <class T>
std::vector<T> copy_of(const T* data, int64_t n) {
  return {data, data + n};
}

TEST(Batch, PacksSequencesRowByRowWithoutTheirLastToken) {
  const TokenSequence a{{10, 11, 12, 13}, {0, 0, 1, 0.5f}}, b{{20, 21}, {0, 1}};
  const Batch batch({&a, &b});
  const Rows rows = batch.rows();
  EXPECT_EQ(batch.n_rows(), 4);
  EXPECT_EQ(rows.batch.B, 2);
  EXPECT_EQ(copy_of(rows.tokens, 4), (std::vector<int32_t>{10, 11, 12, 20}));
  EXPECT_EQ(copy_of(rows.batch.positions, 4), (std::vector<int32_t>{0, 1, 2, 0}));
  EXPECT_EQ(copy_of(rows.batch.offsets, 3), (std::vector<int32_t>{0, 3, 4}));
  EXPECT_EQ(rows.n_pages, 2);
  const LossRows loss = batch.loss_rows(0.5f);
  EXPECT_EQ(std::vector<int32_t>(loss.rows.begin(), loss.rows.end()),
            (std::vector<int32_t>{1, 2, 3}));
  EXPECT_EQ(std::vector<int32_t>(loss.targets.begin(), loss.targets.end()),
            (std::vector<int32_t>{12, 13, 21}));
  EXPECT_EQ(batch.weights(), (std::vector<float>{1, 0.5f, 1}));
  EXPECT_EQ(loss.inverse_temperature, 0.5f);
}

TEST(Batch, GivesEachSequencePagesOfItsOwn) {
  const TokenSequence longer{std::vector<int32_t>(66, 1), std::vector<float>(66, 1)};  // 65 rows
  const TokenSequence page{std::vector<int32_t>(65, 1), std::vector<float>(65, 1)};    // 64 rows
  const TokenSequence shorter{{1, 2}, {0, 1}};
  const Batch batch({&page, &longer, &shorter});
  const Rows rows = batch.rows();
  EXPECT_EQ(rows.max_pages, 2);
  EXPECT_EQ(rows.n_pages, 4);
  EXPECT_EQ(copy_of(rows.page_table, 6), (std::vector<int32_t>{0, 0, 1, 2, 3, 0}));
}

}  // namespace
}  // namespace r1
