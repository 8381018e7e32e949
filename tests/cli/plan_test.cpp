#include <nlohmann/json.hpp>

#include "cli/program.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

Path in_repository(const std::string& name) { return Path(R1_SOURCE_DIR) / name; }

Json plan_json(const Args& args) {
  return Json::parse(must_run(Args{"plan", "--json"} + args), nullptr, false);
}

const Args& report() {
  static const Args args{"--config", in_repository("recipes/plan-deepseek-v3.toml").string()};
  return args;
}

TEST(PlanVerb, TheReportsSettingGivesTheReportsFigures) {
  Json plan = plan_json(report());
  ASSERT_TRUE(plan.is_object());
  EXPECT_EQ(plan["parameters"]["main"]["total"], 671'026'419'200);
  EXPECT_EQ(plan["parameters"]["with_mtp"]["total"], 682'636'487'424);
  EXPECT_EQ(plan["cache"]["mla"]["bytes"], 70'272);
  EXPECT_EQ(plan["cache"]["qwen2.5-72b"]["bytes"], 327'680);
  EXPECT_EQ(plan["cache"]["llama-3.1-405b"]["bytes"], 516'096);
  Json& cost = plan["cost"];
  EXPECT_NEAR(cost["pretraining"]["device_hours"].get<double>() / 2.664e6, 1, 0.01);
  EXPECT_NEAR(cost["extension"]["device_hours"].get<double>() / 0.119e6, 1, 0.01);
  EXPECT_NEAR(cost["other"]["device_hours"].get<double>() / 0.005e6, 1, 0.01);
  EXPECT_NEAR(cost["total"]["price"].get<double>() / 5.576e6, 1, 0.01);
  EXPECT_NEAR(cost["total"]["hours_by_flops"].get<double>() / 2.788e6, 1, 0.01);
  EXPECT_NEAR(plan["speed"]["days_per_trillion"].get<double>(), 3.7, 0.05);
  EXPECT_LT(plan["memory"]["used"].get<double>(), 1);
  EXPECT_EQ(plan["pipeline"]["dualpipe"]["idle_forwards"], 14);
}

/// Every number of a section tree has what it came from.
void expect_explained(const Json& json, const std::string& where) {
  if (!json.is_object()) return;
  if (json.contains("value")) {
    EXPECT_TRUE(json["given"].get<bool>() ? json.contains("source") : json.contains("formula"))
        << where << ": " << json.dump();
    return;
  }
  for (const auto& [key, value] : json.items()) expect_explained(value, where + "." + key);
}

TEST(PlanVerb, ExplainGivesEachFigureAFormulaOrASource) {
  Json plan = plan_json(report() + Args{"--explain"});
  EXPECT_EQ(plan["cost"]["extension"]["device_hours"]["given"], true);
  EXPECT_EQ(plan["cost"]["pretraining"]["device_hours"]["given"], false);
  expect_explained(plan, "plan");
  const std::string text = must_run(Args{"plan"} + report() + Args{"--explain"});
  EXPECT_HAS(text, "2,664,000 = tokens / 10^12 × stated hours per trillion = 14.8 × 180000");
  EXPECT_HAS(text, "70,272 = elements × layers × bits / 8 = 576 × 61 × 16 / 8");
  EXPECT_HAS(text, "14 = (PP / 2 - 1) × (F&B + B - 3 W) = (16 / 2 - 1) × (3 + 2 - 3 × 1)");
  EXPECT_HAS(text, "119,000 is given");
}

TEST(PlanVerb, PublishedReductionOfTheCacheOfV2) {
  Json plan = plan_json({"deepseek-v2", "--cache_bits", "6", "--compare", "deepseek-67b"});
  EXPECT_NEAR(plan["cache"]["deepseek-67b"]["reduction"].get<double>(), 0.933, 0.0005);
  EXPECT_HAS(must_run({"plan", "deepseek-v2"}), "as large as GQA with 2.25 groups");
}

TEST(PlanVerb, ReadsFoldersConfigsAndNames) {
  const std::string folder = in_repository("tests/golden/deepseek_v3").string();
  for (const std::string& model : {folder, folder + "/config.json"}) {
    EXPECT_HAS(must_run({"plan", model, "--sequence_length", "64"}), "main model");
    EXPECT_HAS(must_run({"plan", "--config_json", model, "--sequence_length", "64"}), "experts");
  }
  EXPECT_HAS(must_run({"plan", "16b"}), "15,706,484,224");
}

TEST(PlanVerb, EfficiencyIsTheNearestPublishedRunsUnlessGiven) {
  EXPECT_HAS(must_run({"plan", "deepseek-67b", "--tokens", "1T", "--explain"}),
             "what deepseek-67b reached on h800");
  Json given = plan_json({"deepseek-67b", "--tokens", "1T", "--efficiency", "0.5"});
  EXPECT_EQ(given["speed"]["mfu"], 0.5);
  Json custom =
      plan_json({"16b", "--device", "custom", "--flops", "100", "--memory", "1000", "--bandwidth",
                 "1000", "--price", "3", "--efficiency", "0.5", "--tokens", "1B"});
  const double hours = custom["cost"]["total"]["device_hours"].get<double>();
  EXPECT_NEAR(custom["cost"]["total"]["price"].get<double>(), 3 * hours, 1e-6 * hours);
}

TEST(PlanVerb, ThisMachineIsMeasured) {
  Json plan = plan_json({tiny_model().string(), "--device", "this", "--seconds", "0.2", "--dtype",
                         "f32", "--sequence_length", "32", "--tokens", "1M"});
  EXPECT_GT(plan["measured"]["products"].get<double>(), 0);
  const double step = plan["forecast"]["step"].get<double>();
  EXPECT_GT(step, 0);
  EXPECT_NEAR(plan["forecast"]["run"].get<double>(), 31250 * step, 1e-6 * 31250 * step);
  EXPECT_GT(plan["memory"]["available"].get<double>(), plan["memory"]["total"].get<double>());
}

TEST(PlanVerb, RecipesArePlannedAsTheyWouldRun) {
  const std::string text =
      must_run({"plan", "--recipe", in_repository("recipes/v3-tiny.toml").string(), "--seconds",
                "0.2", "--threads", "1"});
  EXPECT_HAS(text, "the run of ");
  EXPECT_HAS(text, "it fits: used");
}

TEST(PlanVerb, WhatCannotBeIsOneError) {
  const Args v3{"plan", "deepseek-v3", "--gpus", "2048", "--pp", "16"};
  EXPECT_HAS(must_fail({"plan"}), "name a model");
  EXPECT_HAS(must_fail({"plan", "gpt-5"}), "there are deepseek-67b");
  EXPECT_HAS(must_fail({"plan", "no/such/folder"}), "no such file or folder");
  EXPECT_HAS(must_fail(v3 + Args{"--tp", "3"}), "128 heads do not divide by it");
  EXPECT_HAS(must_fail(v3 + Args{"--ep", "48"}), "32 or 64 would");
  EXPECT_HAS(must_fail(v3 + Args{"--dp", "7"}), "leave dp away or set it to 128");
  EXPECT_HAS(must_fail(v3 + Args{"--recompute", "none"}), "too much on the fullest device");
  EXPECT_HAS(must_fail(v3 + Args{"--schedule", "gpipe"}), "1f1b, zb1p, dualpipe");
  EXPECT_HAS(must_fail(v3 + Args{"--efficiency", "40"}), "0.4 for 40 %");
  EXPECT_HAS(must_fail(v3 + Args{"--tokens", "lots"}), "14.8T");
  EXPECT_HAS(must_fail(v3 + Args{"--extension", "1x2"}), "STEPSxSEQUENCESxLENGTH");
  EXPECT_HAS(must_fail(v3 + Args{"--device", "abacus"}), "h800, h100");
  EXPECT_HAS(must_fail(v3 + Args{"--device", "a100", "--dtype", "fp8"}), "no FP8 arithmetic");
  EXPECT_HAS(must_fail(v3 + Args{"--cache_bits", "0"}), "from 1 to 64");
  EXPECT_HAS(must_fail(v3 + Args{"--price", "nan"}), "price");
  EXPECT_HAS(must_fail({"plan", "16b", "--device", "custom"}), "--flops");
  EXPECT_HAS(must_fail({"plan", "16b", "--recipe", "a.toml"}), "not both");
  EXPECT_HAS(must_fail({"plan", "--recipe", "no-such.toml"}), "no-such.toml");
}

}  // namespace
}  // namespace r1
