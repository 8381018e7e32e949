#include "base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <set>

namespace r1 {
namespace {

using Block = std::array<uint32_t, 4>;

// Random123 1.09, tests/kat_vectors, philox4x32 with 10 rounds.
TEST(Philox, GivesTheKnownAnswersOfRandom123) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Rng, ReadsPhiloxBlocksInOrderOfTheCounter) {
  Rng rng(0x0000000200000001, 0x0000000400000003);
  for (uint32_t block = 0; block < 3; ++block) {
    for (uint32_t word : philox({block, 0, 3, 4}, {1, 2})) EXPECT_EQ(rng.next(), word);
  }
}

TEST(Rng, GivesEqualNumbersForEqualKeysAndOthersForOtherStreams) {
  Rng a(7, 1), b(7, 1), c(7, 2), d(8, 1);
  int equal_stream = 0, equal_seed = 0;
  for (int i = 0; i < 100; ++i) {
    const uint32_t x = a.next();
    EXPECT_EQ(x, b.next());
    equal_stream += x == c.next();
    equal_seed += x == d.next();
  }
  EXPECT_LE(equal_stream, 1);
  EXPECT_LE(equal_seed, 1);
}

TEST(Rng, UniformIsFlatInTheHalfOpenUnitInterval) {
  Rng rng(1, 2);
  const int n = 100000;
  double sum = 0;
  for (int i = 0; i < n; ++i) {
    const double x = rng.uniform();
    ASSERT_GE(x, 0.0);
    ASSERT_LT(x, 1.0);
    sum += x;
  }
  EXPECT_NEAR(sum / n, 0.5, 5 * std::sqrt(1.0 / 12 / n));  // five standard errors
}

TEST(Rng, NormalHasMeanZeroAndVarianceOne) {
  Rng rng(1, 3);
  const int n = 100000;
  double sum = 0, squares = 0;
  for (int i = 0; i < n; ++i) {
    const double x = rng.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / n, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(squares / n, 1, 5 * std::sqrt(2.0 / n));
}

TEST(Rng, BelowAndBetweenReachAllValuesAndNoOther) {
  Rng rng(1, 4);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70000; ++i) ++counts.at(static_cast<size_t>(rng.below(7)));
  for (int count : counts) EXPECT_NEAR(count, 10000, 5 * std::sqrt(10000.0));
  std::set<int64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(rng.between(-2, 2));
  EXPECT_EQ(seen, (std::set<int64_t>{-2, -1, 0, 1, 2}));
  EXPECT_EQ(rng.below(1), 0);
  EXPECT_EQ(rng.between(5, 5), 5);
}

TEST(RngDeathTest, BelowRefusesAnEmptyRange) {
  Rng rng(1, 5);
  EXPECT_DEATH(rng.below(0), "below\\(0\\)");
}

TEST(StreamKey, DependsOnEachPartAndOnTheirOrder) {
  const std::set<uint64_t> keys = {stream_key({}),        stream_key({0}),    stream_key({0, 0}),
                                   stream_key({1, 2}),    stream_key({2, 1}), stream_key({1, 2, 0}),
                                   stream_key({1, 2, 3}), stream_key({1, 3})};
  EXPECT_EQ(keys.size(), 8u);
  EXPECT_EQ(stream_key({1, 2, 3}), stream_key({1, 2, 3}));
}

}  // namespace
}  // namespace r1
