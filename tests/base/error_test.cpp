#include "base/error.h"

#include <gtest/gtest.h>

namespace r1 {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return fail("{} is odd", n);
  return n / 2;
}

Result<int> quarter(int n) {
  R1_TRY(const int h, half(n));
  return half(h);
}

Result<void> check_even(int n) {
  R1_RETURN_IF_ERROR(half(n));
  return {};
}

TEST(Error, TravelsUpToTheCaller) {
  EXPECT_EQ(quarter(12).value(), 3);
  EXPECT_EQ(quarter(6).error().message, "3 is odd");
  EXPECT_TRUE(check_even(4));
  EXPECT_EQ(check_even(5).error().message, "5 is odd");
}

TEST(Error, GainsOneFactPerStorey) {
  EXPECT_EQ(half(1).error().with("line 3").with("a.json").message, "a.json: line 3: 1 is odd");
}

TEST(CheckDeathTest, PrintsTheConditionAndTheValues) {
  const int rows = 3, limit = 2;
  EXPECT_DEATH(CHECK(rows <= limit, "{} rows", rows), "CHECK\\(rows <= limit\\) failed: 3 rows");
  CHECK(rows == 3, "holds");
}

}  // namespace
}  // namespace r1
