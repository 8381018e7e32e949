#include "recipes/pipeline_report.h"

#include <gtest/gtest.h>

#include "recipes/pipeline_page.h"
#include "recipes/pipeline_story.h"

namespace r1 {
namespace {

using PipelineReport = PipelineStory;

TEST_F(PipelineReport, OfNothingYetSaysSo) {
  const PipelineFacts none = facts();
  EXPECT_TRUE(none.models.empty());
  EXPECT_EQ(none.stages[1].state, StageState::kNew);
  const std::string page = render_pipeline_report(none, about_);
  EXPECT_TRUE(has(page, "0 of 8"));
  EXPECT_TRUE(has(page, "not yet"));
  EXPECT_TRUE(has(page, "waits for zero"));
  EXPECT_EQ(verdict("zero"), "not measured yet: waits for zero");
  EXPECT_EQ(verdict("majority"), "none");
  const auto json = nlohmann::json::parse(pipeline_summary_json(none, about_));
  EXPECT_EQ(json["stages"].size(), 8u);
  EXPECT_TRUE(json["stages"][0]["tokens"].is_null());
}

TEST_F(PipelineReport, NumbersAreThoseOfTheFiles) {
  finish_all(0.94);
  const PipelineFacts all = facts();
  ASSERT_EQ(all.models.size(), 7u);
  EXPECT_EQ(all.models[2].name, "sft-1");
  EXPECT_EQ(all.find("zero")->steps, 50);
  EXPECT_DOUBLE_EQ(all.find("zero")->tokens, 5000);
  EXPECT_EQ(all.rl_steps_behind(*all.find("r1")), 20);
  EXPECT_EQ(all.rl_steps_behind(*all.find("distilled")), 20);
  EXPECT_EQ(all.find_role("cold"), all.find("sft-1"));
  EXPECT_EQ(all.troubles.size(), 0u);
  const auto json = nlohmann::json::parse(pipeline_summary_json(all, about_));
  EXPECT_EQ(json["seed"], "7");
  EXPECT_EQ(json["models"][1]["name"], "zero");
  EXPECT_DOUBLE_EQ(json["models"][1]["pass@1"], 0.93);
  EXPECT_DOUBLE_EQ(json["models"][1]["cons@k"]["16"]["mean"], 0.955);
  EXPECT_DOUBLE_EQ(json["timing"]["seconds"]["zero"], 10);
  EXPECT_DOUBLE_EQ(json["timing"]["total_seconds"], 4 * 2 + 3 * 10 + 3);
  const std::string page = render_pipeline_report(all, about_);
  EXPECT_TRUE(has(page, "93.0 %"));
  EXPECT_TRUE(has(page, "written by hand &amp; counted"));
  EXPECT_LT(page.size(), 3u << 20);
}

TEST_F(PipelineReport, VerdictsAreComputed) {
  finish_all(0.94);
  EXPECT_TRUE(verdict("zero").starts_with("holds: zero 93.0 ± 1.0 %")) << verdict("zero");
  EXPECT_TRUE(verdict("r1").starts_with("holds")) << verdict("r1");
  EXPECT_TRUE(has(verdict("r1"), "after 20 RL steps in all, zero took 50")) << verdict("r1");
  EXPECT_TRUE(verdict("order").starts_with("holds")) << verdict("order");
  EXPECT_TRUE(verdict("majority").starts_with("holds")) << verdict("majority");
  EXPECT_TRUE(verdict("language").starts_with("holds")) << verdict("language");
  EXPECT_TRUE(has(verdict("language"), "-1.0 ± 1.4 points")) << verdict("language");
  // zero and distilled start from the same base: 0.94 is not 3 × 0.93
  EXPECT_TRUE(verdict("distillation").starts_with("does not hold")) << verdict("distillation");
  EXPECT_TRUE(has(verdict("distillation"), "1.0 ± 0.0 ×")) << verdict("distillation");
}

TEST_F(PipelineReport, TheStoryStandsOnTop) {
  finish_all(0.94);
  std::vector<std::string> told;
  for (const Headline& h : pipeline_headlines(facts(), "a machine"))
    told.push_back(h.label + ": " + h.value);
  EXPECT_EQ(told,
            (std::vector<std::string>{"R1-Zero: reinforcement learning alone: 5.0 → 93.0 %",
                                      "R1: cold start, RL, rejection sampling, RL: 97.0 ± 1.0 %",
                                      "Distillation against RL: 1.0 ×",
                                      "Claims of the paper: 5 of 6 hold", "What it took: 41s"}));
}

TEST_F(PipelineReport, HeldOutPointsAreDrawnWhereRunsHaveThem) {
  finish_all(0.94);
  const std::string before = render_pipeline_report(facts(), about_);
  EXPECT_TRUE(has(before, "pass@1 by RL steps"));
  EXPECT_FALSE(has(before, "reason: from 60.0 % at step 10"));
  finish_rl("reason", 20, {{10, 0.6}, {20, 0.9}});
  EXPECT_TRUE(
      has(render_pipeline_report(facts(), about_), "reason: from 60.0 % at step 10 to 90.0"));
}

TEST_F(PipelineReport, AStageHasOneColourAndItsAblationTheSameDashed) {
  finish_all(0.94);
  const PipelineFacts all = facts();
  std::vector<int> colours;
  for (const char* name : {"base", "zero", "sft-1", "reason", "plain", "r1"}) {
    const Series one = curve_of(all, *all.find(name), "reward");
    colours.push_back(one.colour);
    EXPECT_EQ(one.dashed, std::string(name) == "plain");
  }
  EXPECT_EQ(colours, (std::vector<int>{3, 0, 1, 2, 2, 4}));
  std::vector<Chart> charts;
  const std::vector<std::pair<double, double>> points{{0, 0}, {1, 1}};
  add_chart(
      charts, {.title = "t", .x_label = "x", .y_label = "y"},
      {{.name = "a", .points = points, .colour = 5}, {.name = "b", .points = points, .colour = 5}});
  EXPECT_EQ(charts[0].series[1].colour, 0);  // 5 is taken
}

TEST_F(PipelineReport, NoisyCurvesAreMeansOfNeighbours) {
  Series series{.name = "loss", .points = {{1, 1}, {2, 3}, {3, 5}, {4, 7}}};
  const Series means = smoothed(series, 2);
  EXPECT_EQ(means.points, (std::vector<std::pair<double, double>>{{1.5, 2}, {3.5, 6}}));
  EXPECT_EQ(smoothed(series, 4).points, series.points);
}

TEST_F(PipelineReport, IsWrittenAnewAsTheRunWas) {
  EXPECT_FALSE(rewrite_pipeline_report(pipeline_, about_));  // no stage is there
  finish_all(0.94);
  write("summary.json", R"({"seed": "3", "machine": "another", "version": 4})");
  const auto facts = rewrite_pipeline_report(pipeline_, about_);
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->stages[0].state, StageState::kDone);
  const auto json = nlohmann::json::parse(*read_text(scratch_ / "summary.json"));
  EXPECT_EQ(json["seed"], "3");
  EXPECT_EQ(json["machine"], "another");
  EXPECT_EQ(json["version"], "1.2.3");
}

TEST_F(PipelineReport, OutsideTextIsEscaped) {
  finish_all(0.94);
  const std::string page = render_pipeline_report(facts(), about_);
  EXPECT_FALSE(has(page, "<script"));
  EXPECT_FALSE(has(page, "R1 <small>"));
  EXPECT_TRUE(has(page, "R1 &lt;small&gt;"));
  EXPECT_TRUE(has(page, "&lt;think&gt; sum"));
  EXPECT_FALSE(has(page, "src="));
  EXPECT_FALSE(has(page, "https://"));
}

TEST_F(PipelineReport, BrokenAndMissingFilesAreNamedNotFatal) {
  finish("base", 1);
  finish_rl("zero", 3);
  write("zero/watched.jsonl", "nonsense\n");
  finish("evaluation", 1);
  write("evaluation/eval.json", "{ torn");
  const PipelineFacts half = facts();
  EXPECT_EQ(half.troubles.size(), 2u);
  EXPECT_TRUE(has(render_pipeline_report(half, about_), "eval.json: is not a JSON object"));
  write("evaluation/eval.json",
        R"({"results": [3, {"model": "x", "pass@1": null, "cons@k": [1]}]})");
  const PipelineFacts odd = facts();
  ASSERT_EQ(odd.models.size(), 1u);
  EXPECT_EQ(odd.models[0].name, "x");
  EXPECT_EQ(odd.models[0].made, nullptr);
  EXPECT_TRUE(has(pipeline_terminal_table(odd, false), "x"));
  EXPECT_FALSE(has(render_pipeline_report(odd, about_), "nan"));
  const auto json = nlohmann::json::parse(pipeline_summary_json(odd, about_));
  EXPECT_TRUE(json["models"][0]["pass@1"].is_null());
}

TEST_F(PipelineReport, IsWrittenBesideTheStages) {
  finish("base", 1);
  const auto written = write_pipeline_report(pipeline_, {}, about_);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->stages[0].state, StageState::kStale);  // made with another key
  EXPECT_TRUE(std::filesystem::exists(scratch_ / "report.html"));
  EXPECT_TRUE(std::filesystem::exists(scratch_ / "summary.json"));
}

TEST(EvalExamples, AreTheFirstSamplesOfThreeProblems) {
  EvalSuite suite;
  EvalCell cell{.model = "m", .data = "d", .judge = "accuracy"};
  for (int p = 0; p < 6; ++p) {
    Problem problem;
    problem.id = "p" + std::to_string(p);
    problem.messages = {{"user", "what is it?"}};
    cell.problems.push_back(problem);
    for (int g = 0; g < 2; ++g) {
      Episode episode;
      episode.problem = p, episode.sample = g;
      episode.text = g == 0 ? "first" : "second";
      episode.score = {1.5, {{"accuracy", 1}, {"format", 1}}, "", true};
      cell.evaluated.episodes.push_back(episode);
    }
  }
  suite.cells.push_back(cell);
  const auto examples = nlohmann::json::parse(suite_json(suite))["examples"];
  ASSERT_EQ(examples.size(), 3u);
  EXPECT_EQ(examples[1]["id"], "p2");
  EXPECT_EQ(examples[1]["completion"], "first");
  EXPECT_EQ(examples[1]["question"], "what is it?");
  EXPECT_EQ(examples[1]["correct"], 1);
}

TEST(PipelineRatio, CarriesBothErrors) {
  const Estimate r = ratio_of({0.4, 0.04, {}}, {0.1, 0.01, {}});
  EXPECT_DOUBLE_EQ(r.mean, 4);
  EXPECT_NEAR(r.error, 4 * std::sqrt(0.02), 1e-12);
  EXPECT_TRUE(std::isnan(ratio_of({0.4, 0.04, {}}, {0, 0, {}}).mean));
  EXPECT_EQ(share_text({0.954, 0.0042, {}}), "95.4 ± 0.4 %");
  EXPECT_EQ(share_text({kUnknown, 0.1, {}}), "–");
  EXPECT_EQ(flops_text(4.2e12), "4.2T");
}

}  // namespace
}  // namespace r1
