#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

namespace r1 {
namespace {

using Shares = std::vector<std::pair<int64_t, int64_t>>;

Shares shares_of(ThreadPool& pool, int64_t n, int64_t grain) {
  Shares shares;
  std::mutex mutex;
  pool.parallel_for(n, grain, [&](int64_t begin, int64_t end) {
    const std::lock_guard lock(mutex);
    shares.emplace_back(begin, end);
  });
  std::sort(shares.begin(), shares.end());
  return shares;
}

TEST(ThreadPool, CutsALoopIntoEqualContiguousShares) {
  ThreadPool pool(4);
  EXPECT_EQ(shares_of(pool, 8, 1), (Shares{{0, 2}, {2, 4}, {4, 6}, {6, 8}}));
  EXPECT_EQ(shares_of(pool, 10, 1), (Shares{{0, 2}, {2, 5}, {5, 7}, {7, 10}}));
  EXPECT_EQ(shares_of(pool, 3, 1), (Shares{{0, 1}, {1, 2}, {2, 3}}));
}

TEST(ThreadPool, KeepsALoopOfOneGrainTogether) {
  ThreadPool pool(4);
  EXPECT_EQ(shares_of(pool, 100, 100), (Shares{{0, 100}}));
  EXPECT_EQ(shares_of(pool, 100, 50), (Shares{{0, 50}, {50, 100}}));
  EXPECT_EQ(shares_of(pool, 5, 0).size(), 4u);  // a grain below 1 counts as 1
}

TEST(ThreadPool, DoesNothingForAnEmptyLoop) {
  ThreadPool pool(4);
  EXPECT_TRUE(shares_of(pool, 0, 1).empty());
  EXPECT_TRUE(shares_of(pool, -3, 1).empty());
}

TEST(ThreadPool, OfOneThreadRunsTheWholeLoopInTheCaller) {
  ThreadPool pool(1);
  EXPECT_EQ(pool.size(), 1);
  const auto caller = std::this_thread::get_id();
  pool.parallel_for(100, 1, [&](int64_t begin, int64_t end) {
    EXPECT_EQ(std::make_pair(begin, end), std::make_pair(int64_t{0}, int64_t{100}));
    EXPECT_EQ(std::this_thread::get_id(), caller);
  });
  EXPECT_EQ(ThreadPool(0).size(), 1);
  EXPECT_EQ(ThreadPool(-2).size(), 1);
}

TEST(ThreadPool, RunsANestedLoopInlineInTheSameThread) {
  ThreadPool pool(4);
  std::atomic<int> n_inner{0};
  pool.parallel_for(4, 1, [&](int64_t begin, int64_t end) {
    const auto outer = std::this_thread::get_id();
    for (int64_t i = begin; i < end; ++i) {
      pool.parallel_for(10, 1, [&](int64_t b, int64_t e) {
        EXPECT_EQ(std::this_thread::get_id(), outer);
        EXPECT_EQ(e - b, 10);
        ++n_inner;
      });
    }
  });
  EXPECT_EQ(n_inner, 4);
}

TEST(ThreadPool, VisitsEachIndexOnceInManySmallLoops) {
  for (int n_threads : {1, 2, 4}) {
    ThreadPool pool(n_threads);
    std::vector<int> visits(64);  // plain ints: an unfinished loop would be a race, seen by tsan
    for (int loop = 0; loop < 2000; ++loop) {
      const int64_t n = loop % 64 + 1;
      pool.parallel_for(n, 1 + loop % 3, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++visits[static_cast<size_t>(i)];
      });
    }
    for (int i = 0; i < 64; ++i) {
      int expected = 0;
      for (int loop = 0; loop < 2000; ++loop) expected += loop % 64 >= i;
      EXPECT_EQ(visits[static_cast<size_t>(i)], expected) << n_threads << " threads, index " << i;
    }
  }
}

TEST(UsableCores, IsAtLeastOne) { EXPECT_GE(usable_cores(), 1); }

}  // namespace
}  // namespace r1
