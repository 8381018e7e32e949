#include "data/cursor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace r1 {
namespace {

TEST(ShuffledRows, ArePermutationsThatDependOnSeedAndEpoch) {
  auto rows = shuffled_rows(1000, 1, 0);
  EXPECT_EQ(shuffled_rows(1000, 1, 0), rows);
  EXPECT_NE(shuffled_rows(1000, 1, 1), rows);
  EXPECT_NE(shuffled_rows(1000, 2, 0), rows);
  std::sort(rows.begin(), rows.end());
  for (int64_t i = 0; i < 1000; ++i) ASSERT_EQ(rows[i], i);
}

TEST(ShuffledRows, AllOrdersAreEquallyLikely) {
  std::map<std::vector<int64_t>, int> n;
  for (int64_t epoch = 0; epoch < 6000; ++epoch) ++n[shuffled_rows(3, 9, epoch)];
  ASSERT_EQ(n.size(), 6u);
  for (const auto& [order, count] : n) EXPECT_NEAR(count, 1000, 120);
}

TEST(ShuffledRows, OfNoneOrOneAreTrivial) {
  EXPECT_TRUE(shuffled_rows(0, 1, 0).empty());
  EXPECT_EQ(shuffled_rows(1, 1, 0), std::vector<int64_t>{0});
}

TEST(DataCursor, EveryEpochGivesEveryRowOnce) {
  DataCursor cursor(7, 3);
  for (int64_t epoch = 0; epoch < 5; ++epoch) {
    EXPECT_EQ(cursor.epoch(), epoch);
    std::vector<int64_t> rows;
    for (int i = 0; i < 7; ++i) rows.push_back(cursor.next());
    EXPECT_EQ(rows, shuffled_rows(7, 3, epoch));
  }
}

TEST(DataCursor, WithoutShufflingKeepsTheFileOrder) {
  DataCursor cursor(3, 3, /*shuffle=*/false);
  for (int64_t row : {0, 1, 2, 0, 1}) EXPECT_EQ(cursor.next(), row);
}

TEST(DataCursor, ResumesAtAnyRowWithTheSameOrder) {
  DataCursor whole(5, 8);
  for (int n = 0; n < 17; ++n) {
    DataCursor resumed(5, 8);
    ASSERT_TRUE(resumed.resume(whole.epoch(), whole.position()));
    DataCursor copy = whole;
    for (int i = 0; i < 12; ++i) ASSERT_EQ(resumed.next(), copy.next());
    whole.next();
  }
}

TEST(DataCursor, RefusesToResumeInAnotherDataSet) {
  DataCursor cursor(5, 8);
  EXPECT_FALSE(cursor.resume(0, 5));
  EXPECT_FALSE(cursor.resume(0, -1));
  EXPECT_FALSE(cursor.resume(-1, 0));
  EXPECT_NE(cursor.resume(2, 9).error().message.find("has 5 rows"), std::string::npos);
}

}  // namespace
}  // namespace r1
