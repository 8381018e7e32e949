#include "train/cost_meter.h"

#include <gtest/gtest.h>

#include "base/scratch.h"

namespace r1 {
namespace {

constexpr PriceConfig kPrices{.price_input = 0.5, .price_output = 2, .max_cost = 3};

TEST(CostMeter, CountsOverAllSittings) {
  const Scratch scratch;
  const Path file = scratch / "cost.json";
  auto first = CostMeter::open(file, kPrices, false);
  ASSERT_TRUE(first);
  ASSERT_TRUE(first->set({.requests = 4, .failed = 1, .prompt_tokens = 1'000'000}));
  ASSERT_TRUE(first->set({.requests = 5, .failed = 1, .prompt_tokens = 2'000'000}));
  EXPECT_DOUBLE_EQ(first->cost(), 1);
  auto second = CostMeter::open(file, kPrices, false);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->total().requests, 5);
  EXPECT_TRUE(second->check());
  ASSERT_TRUE(second->set({.requests = 1, .output_tokens = 1'000'000}));
  EXPECT_DOUBLE_EQ(second->cost(), 3);
  EXPECT_EQ(second->total().requests, 6);
  EXPECT_EQ(second->total().failed, 1);
  const auto spent = second->check();
  ASSERT_FALSE(spent);
  EXPECT_NE(spent.error().message.find("max_cost 3"), std::string::npos);
  EXPECT_DOUBLE_EQ(CostMeter::open(file, kPrices, /*fresh=*/true)->cost(), 0);
}

TEST(CostMeter, RefusesFilesAndPricesThatMakeNoSense) {
  const Scratch scratch;
  const Path file = scratch / "cost.json";
  for (const char* text : {"", "[]", "{\"requests\": -1}", "{\"requests\": \"many\"}"}) {
    ASSERT_TRUE(write_text_atomic(file, text));
    EXPECT_FALSE(CostMeter::open(file, kPrices, false)) << text;
  }
  EXPECT_FALSE(PriceConfig{.price_input = -1}.validate());
  EXPECT_FALSE(PriceConfig{.max_cost = 1}.validate());  // without a price
  EXPECT_TRUE(PriceConfig{}.validate());
}

}  // namespace
}  // namespace r1
