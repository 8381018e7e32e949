#include "recipes/claims.h"

#include <cmath>

#include "base/scratch.h"
#include "nn/fixtures.h"

namespace r1 {
namespace {

TEST(Spread, IsMeanAndDeviationOfASample) {
  const Spread s = spread_of({1, 2, 3});
  EXPECT_DOUBLE_EQ(s.mean, 2);
  EXPECT_DOUBLE_EQ(s.deviation, 1);
  EXPECT_EQ(s.text(1), "2.0 ± 1.0");
  EXPECT_EQ(spread_of({5}).deviation, 0);
}

TEST(Smoothed, KeepsAShareOfWhatWas) {
  EXPECT_EQ(smoothed({1, 0, 0}, 0.5), (std::vector<double>{1, 0.5, 0.25}));
  EXPECT_TRUE(smoothed({}, 0.5).empty());
}

TEST(Trial, AveragesTheEndOfARun) {
  Trial trial;
  for (int64_t step = 1; step <= 20; ++step) {
    trial.metrics.push_back({step, {{"loss", static_cast<double>(step)}}});
  }
  EXPECT_DOUBLE_EQ(trial.tail_mean("loss"), 19.5);
  EXPECT_TRUE(std::isnan(trial.tail_mean("moe/entropy")));
  EXPECT_EQ(trial.series("loss").size(), 20u);
}

Finding some_finding() {
  Finding f;
  f.claim = "a sentence";
  f.columns = {"run", "loss"};
  f.rows = {{"a", "1.0"}, {"bcd", "22.0"}};
  f.verdict = "the loss is <1>";
  return f;
}

TEST(Finding, IsATableAndAVerdictWhateverItIs) {
  Finding f = some_finding();
  EXPECT_NE(finding_text(f).find("It does not hold here: the loss"), std::string::npos);
  f.holds = true;
  EXPECT_NE(finding_text(f).find("It holds here: the loss"), std::string::npos);
  EXPECT_NE(finding_text(f).find("  bcd    22.0\n"), std::string::npos);
  const std::string page = finding_page("x", f, "r1 claims x");
  EXPECT_NE(page.find("&lt;1&gt;"), std::string::npos);
  EXPECT_NE(finding_json("x", f).find("\"holds\": true"), std::string::npos);
}

TEST(Claims, AnUnknownOneNamesThoseThereAre) {
  const auto tried = try_claim("size", {}, "");
  ASSERT_FALSE(tried);
  EXPECT_NE(tried.error().message.find("balance, mtp, fp8, cache, context"), std::string::npos);
}

/// One step of everything: each model is measured on each length that it has.
TEST(Claims, ContextMeasuresEveryModelAtEveryLengthItHas) {
  const Scratch scratch;
  ClaimsConfig config;
  config.output_dir = scratch.path().string();
  config.seeds = 1;
  config.steps = 1;
  config.base.tokens_per_step = 64;
  NewModel& shape = config.base.new_model;
  shape.d_model = shape.d_ff = 16;
  shape.n_layers = shape.n_heads = 1;
  shape.num_nextn_predict_layers = 0;
  config.base.train.logging_steps = 1;
  const auto first = try_claim("context", config, "r1 claims context");
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_NE(first->find("needle, 4096"), std::string::npos) << *first;
  EXPECT_NE(first->find("YaRN to 1024, trained"), std::string::npos) << *first;
  EXPECT_NE(first->find("It does not hold here"), std::string::npos) << *first;
  const auto json = read_text(scratch / "context/longest-0/final/config.json");
  ASSERT_TRUE(json);
  EXPECT_NE(json->find("\"original_max_position_embeddings\": 256"), std::string::npos) << *json;
}

/// Two steps of a tiny model each: what is compared has the sizes that the table says.
TEST(Claims, CacheComparesModelsOfEqualSizeAndGoesOnWhereItStopped) {
  const Scratch scratch;
  ClaimsConfig config;
  config.output_dir = scratch.path().string();
  config.seeds = 1;
  config.steps = 2;
  config.base.tokens_per_step = 64;
  config.base.train.logging_steps = 1;
  const auto first = try_claim("cache", config, "r1 claims cache");
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_NE(first->find("MLA"), std::string::npos);
  EXPECT_NE(first->find("240"), std::string::npos);  // 3 layers of 32 + 8 numbers in bf16
  const Path model = scratch / "cache/MLA-0/final/model.safetensors";
  const auto written = std::filesystem::last_write_time(model);
  const auto second = try_claim("cache", config, "r1 claims cache");
  ASSERT_TRUE(second);
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(std::filesystem::last_write_time(model), written);
  EXPECT_TRUE(std::filesystem::exists(scratch / "cache/report.html"));
}

}  // namespace
}  // namespace r1
