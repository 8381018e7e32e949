#include "data/packing.h"

#include <gtest/gtest.h>

namespace r1 {
namespace {

using Batches = std::vector<std::vector<int>>;
Batches pack_of(std::vector<int64_t> lengths, int64_t max_tokens) {
  return pack(lengths, max_tokens);
}

TEST(Packing, FillsMicroBatchesInOrder) {
  EXPECT_EQ(pack_of({3, 4, 3, 5, 5, 1}, 10), (Batches{{0, 1, 2}, {3, 4}, {5}}));
}

TEST(Packing, LeavesALongSequenceAlone) {
  EXPECT_EQ(pack_of({2, 25, 2, 2}, 10), (Batches{{0}, {1}, {2, 3}}));
  EXPECT_EQ(pack_of({25, 0, 2}, 10), (Batches{{0}, {1, 2}}));
}

TEST(Packing, FitsExactly) { EXPECT_EQ(pack_of({10, 10, 5, 5}, 10), (Batches{{0}, {1}, {2, 3}})); }

TEST(Packing, OfNothingIsNothing) { EXPECT_EQ(pack_of({}, 10), Batches{}); }

}  // namespace
}  // namespace r1
