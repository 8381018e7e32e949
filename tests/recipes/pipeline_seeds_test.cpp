#include "recipes/pipeline_seeds.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/scratch.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

class Seeds : public testing::Test {
 protected:
  std::string run(const std::string& name, const std::string& seed, double pass) {
    Json json{{"title", "R1"}, {"seed", seed}, {"timing", {{"total_seconds", 60}}}};
    json["models"] = {{{"name", "zero"},
                       {"data", "d"},
                       {"pass@1", pass},
                       {"pass@1_stderr", 0.01},
                       {"cons@k", {{"4", {{"mean", 0.5}}}, {"16", {{"mean", 1}}}}},
                       {"one_language_rate", nullptr},
                       {"mean_length", 70}}};
    json["distillation"] = {{{"distilled", "a"}, {"rl", "b"}, {"ratio", pass * 10}}};
    json["verdicts"] = {{{"key", "zero"},
                         {"claim", "it solves most"},
                         {"verdict", "holds"},
                         {"numbers", "zero " + seed}}};
    EXPECT_TRUE(make_folder(scratch_ / name));
    EXPECT_TRUE(write_text_atomic(scratch_ / name / "summary.json", json.dump()));
    return (scratch_ / name).string();
  }
  std::string compare(const std::vector<std::string>& folders) {
    const auto runs = read_run_summaries(folders);
    return runs ? compare_runs(*runs) : runs.error().message;
  }
  static bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }

  Scratch scratch_;
};

TEST_F(Seeds, MeanAndSpreadAreThoseOfTheRuns) {
  const std::string text = compare({run("x", "0", 0.90), run("y", "1", 0.92), run("z", "2", 0.97)});
  // mean 0.93; deviations -0.03, -0.01, 0.04: sqrt(0.0026 / 2) = 0.03606
  EXPECT_TRUE(has(text, "93.0 ± 3.6 %")) << text;
  EXPECT_TRUE(has(text, "seed 0 |")) << text;
  EXPECT_TRUE(has(text, "92.0 ± 1.0 %")) << text;
  EXPECT_TRUE(has(text, "100.0 ± 0.0 %")) << text;  // the majority of 16, not of 4
  EXPECT_TRUE(has(text, "9.3 ± 0.4")) << text;      // ratios 9, 9.2, 9.7: 0.36
  EXPECT_TRUE(has(text, "  - seed 2: **holds** (zero 2)")) << text;
  EXPECT_TRUE(has(text, "1m 00s on average")) << text;
}

TEST_F(Seeds, RunsOfOneSeedAreCalledByTheirFolders) {
  const std::string x = run("x", "0", 0.9), y = run("y", "0", 0.9);
  EXPECT_TRUE(has(compare({x, y}), x + ": **holds**"));
}

TEST_F(Seeds, WhatOneRunLacksIsADash) {
  const std::string x = run("x", "0", 0.9), y = run("y", "1", 0.9);
  ASSERT_TRUE(write_text_atomic(scratch_ / "y/summary.json",
                                R"({"title": "R1", "seed": "1", "models": [3, {"name": "r1"}]})"));
  const std::string text = compare({x, y});
  EXPECT_TRUE(has(text, "| zero  |")) << text;
  EXPECT_TRUE(has(text, "  - seed 1: –")) << text;
  EXPECT_FALSE(has(text, "nan")) << text;
}

TEST_F(Seeds, OneRunOthersAndBrokenOnesAreRefused) {
  const std::string x = run("x", "0", 0.9);
  EXPECT_TRUE(has(compare({x}), "two or more"));
  EXPECT_TRUE(has(compare({x, (scratch_ / "none").string()}), "none/summary.json"));
  ASSERT_TRUE(make_folder(scratch_ / "y"));
  ASSERT_TRUE(write_text_atomic(scratch_ / "y/summary.json", "{ torn"));
  EXPECT_TRUE(has(compare({x, (scratch_ / "y").string()}), "is not a JSON object"));
  ASSERT_TRUE(write_text_atomic(scratch_ / "y/summary.json", R"({"title": "other"})"));
  EXPECT_TRUE(has(compare({x, (scratch_ / "y").string()}), "compare runs of one recipe"));
}

TEST(Spread, OfOneValueIsNone) {
  EXPECT_EQ(spread_text({0.5}), "50.0 %");
  EXPECT_EQ(spread_text({}), "–");
}

}  // namespace
}  // namespace r1
