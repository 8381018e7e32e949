#include "recipes/pipeline_compare.h"

#include <cmath>

#include "recipes/markup.h"
#include "recipes/pipeline_story.h"

namespace r1 {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

ModelFacts model(double pass, double error, std::vector<double> accuracy = {}) {
  ModelFacts m;
  m.cell.data = "d";
  m.cell.evaluated.summary.pass_at_1 = pass;
  m.cell.evaluated.summary.pass_at_1_stderr = error;
  m.cell.evaluated.summary.accuracy = std::move(accuracy);
  return m;
}

TEST(Outcome, ADifferenceBelowTwoErrorsIsWithinError) {
  EXPECT_EQ(outcome_of({0.02, 0.01, {}}), Outcome::kHolds);
  EXPECT_EQ(outcome_of({0.019, 0.01, {}}), Outcome::kWithinError);
  EXPECT_EQ(outcome_of({-0.019, 0.01, {}}), Outcome::kWithinError);
  EXPECT_EQ(outcome_of({-0.02, 0.01, {}}), Outcome::kFails);
  EXPECT_EQ(outcome_of({0, 0, {}}), Outcome::kHolds);  // at least as much
  EXPECT_EQ(outcome_of({-0.001, kNaN, {}}), Outcome::kFails);
  EXPECT_STREQ(outcome_word(Outcome::kWithinError), "within error");
}

TEST(Difference, IsPairedOverTheProblemsOfOneEvaluation) {
  const StageFacts one, other;
  ModelFacts a = model(0.75, 0.14, {1, 0.5, 0.5, 1}), b = model(0.375, 0.12, {0.5, 0, 0.5, 0.5});
  a.by = b.by = &one;
  EXPECT_DOUBLE_EQ(pass_difference(a, b).mean, 0.375);
  EXPECT_DOUBLE_EQ(pass_difference(a, b).error, 0.125);  // of 0.5, 0.5, 0, 0.5: 0.25 / sqrt(4)
  b.by = &other;
  EXPECT_DOUBLE_EQ(pass_difference(a, b).error, std::hypot(0.14, 0.12));
  b.by = &one, b.cell.data = "others";
  EXPECT_DOUBLE_EQ(pass_difference(a, b).error, std::hypot(0.14, 0.12));
  b.cell.data = "d", b.cell.evaluated.summary.accuracy = {1, 0};
  EXPECT_DOUBLE_EQ(pass_difference(a, b).error, std::hypot(0.14, 0.12));
}

TEST(Difference, OfLanguagesLeavesOutProblemsWithoutWords) {
  const StageFacts stage;
  ModelFacts a = model(1, 0), b = model(1, 0);
  a.by = b.by = &stage;
  a.cell.evaluated.summary.one_language_rate = 1, b.cell.evaluated.summary.one_language_rate = 0.5;
  a.cell.evaluated.summary.one_language = {1, 1, kNaN, 1, 1};
  b.cell.evaluated.summary.one_language = {0, 1, 0.5, 0, 1};
  const Estimate d = one_language_difference(a, b);
  EXPECT_DOUBLE_EQ(d.mean, 0.5);
  EXPECT_DOUBLE_EQ(d.error, std::sqrt((4 * 0.25) / 3.0) / 2);  // of 1, 0, 1, 0
  EXPECT_EQ(one_language_of(a).error, 0);
}

TEST(Difference, OfLanguagesWithoutProblemsIsOverCompletions) {
  ModelFacts a = model(1, 0);
  a.cell.evaluated.summary.one_language_rate = 0.2;
  a.cell.evaluated.summary.n_samples = 1600;
  EXPECT_DOUBLE_EQ(one_language_of(a).error, 0.01);  // sqrt(0.2 * 0.8 / 1600)
}

TEST(VoteGain, IsPaired) {
  ModelFacts m = model(0.75, 0.14, {1, 0.5, 0.5, 1});
  EvalSummary& s = m.cell.evaluated.summary;
  s.cons_k = 16, s.cons_at_k = 0.75, s.majority = {1, 1, 0, 1};
  s.cons_at[16] = {0.75, 0.25, {}};
  EXPECT_DOUBLE_EQ(vote_gain(m).mean, 0);
  EXPECT_DOUBLE_EQ(vote_gain(m).error, std::sqrt(0.5 / 3) / 2);  // of 0, 0.5, -0.5, 0
  s.majority.clear();
  EXPECT_DOUBLE_EQ(vote_gain(m).error, std::hypot(0.25, 0.14));
}

using Milestones = PipelineStory;

TEST_F(Milestones, AreTheEvaluatedAndTheHeldOutByRlSteps) {
  finish_all(0.94);
  finish_rl("reason", 20, {{0, 0.5}, {10, 0.9}, {20, 0.91}});
  const PipelineFacts all = facts();
  std::string text;
  for (const Milestone& m : all.milestones(*all.find("r1")))
    text += m.what + " " + std::to_string(m.rl_steps) + "; ";
  // steps 0 and 20 of the run are those that the evaluation measured
  EXPECT_EQ(text, "base 0; sft-1 0; reason at step 10 10; reason 20; r1 20; ");
}

TEST(OutsideModel, IsWhereItsRunsBegin) {
  const Scratch scratch;
  const auto pipeline = read_pipeline(
      "output_dir = \"x\"\n[[stage]]\nname = \"zero\"\nverb = \"rl\"\nmodel = \"models/own\"\n"
      "[[stage]]\nname = \"eval\"\nverb = \"eval\"\nmodels = [\"models/own\", \"@zero\"]\n",
      "own.toml", {scratch.path().string(), {}, {}});
  ASSERT_TRUE(pipeline) << pipeline.error().message;
  for (const Stage& stage : pipeline->stages) {
    ASSERT_TRUE(make_folder(stage.kind->is_run ? stage.product() : stage.folder));
    ASSERT_TRUE(write_stage_record(stage, {"key", true, 1}));
  }
  nlohmann::json json;
  json["results"] = {measured("own", 0.1, 0.01, 1), measured("zero", 0.5, 0.01, 1)};
  ASSERT_TRUE(write_text_atomic(scratch / "eval/eval.json", json.dump()));
  const PipelineFacts all = read_pipeline_facts(*pipeline, {"key", "key"});
  ASSERT_EQ(all.models.size(), 2u);
  EXPECT_EQ(all.start_of(*all.find("zero")), &all.models[0]);
  EXPECT_EQ(all.family_of(*all.find("zero")), "models/own");
  const auto way = all.milestones(*all.find("zero"));
  ASSERT_EQ(way.size(), 2u);
  EXPECT_EQ(way[0].what, "own");
  EXPECT_EQ(markup_fault(render_pipeline_report(all, {"m", "v", "c"})), "");
}

TEST_F(Milestones, TheFirstAsGoodIsFoundOnBothWays) {
  finish_all(0.94);
  finish_rl("zero", 50, {{10, 0.5}, {30, 0.92}});
  finish_rl("reason", 20, {{5, 0.6}, {10, 0.92}});
  const PipelineFacts all = facts();
  const ModelFacts& bar = *all.measured(all.find("zero"));
  EXPECT_EQ(first_as_good(all, *all.find("zero"), bar)->what, "zero at step 30");
  EXPECT_EQ(first_as_good(all, *all.find("r1"), bar)->what, "reason at step 10");
  EXPECT_TRUE(has(verdict("r1"),
                  "(92.0 ± 1.0 %) is as good after 10 RL steps in all, zero needed "
                  "30"))
      << verdict("r1");
  EXPECT_TRUE(verdict("r1").starts_with("holds"));
  finish_rl("zero", 50, {{10, 0.92}});  // as soon as R1
  EXPECT_TRUE(verdict("r1").starts_with("within error")) << verdict("r1");
  finish_rl("zero", 50, {{5, 0.92}});  // sooner
  EXPECT_TRUE(verdict("r1").starts_with("does not hold")) << verdict("r1");
}

TEST_F(Milestones, AModelNearChanceIsWithinErrorNotHidden) {
  finish_all(0.94);
  nlohmann::json json{
      {"results", {measured("base", 0.098, 0.005, 0.9), measured("zero", 0.93, 0.01, 0.2)}}};
  json["results"][0]["cons@k"]["16"] = {{"mean", 0.086}, {"stderr", 0.018}};
  write("evaluation/eval.json", json.dump());
  EXPECT_EQ(verdict("majority"),
            "within error: true of 1 of 2 models, within error of 1; least sure is base: "
            "cons@16 8.6 ± 1.8 % against pass@1 9.8 ± 0.5 %, -1.2 ± 1.9 points");
  // of a gain that is larger than zero's, and as unsure
  json["results"][0]["cons@k"]["16"] = {{"mean", 0.125}, {"stderr", 0.018}};
  write("evaluation/eval.json", json.dump());
  EXPECT_TRUE(has(verdict("majority"), "least sure is base")) << verdict("majority");
  json["results"][0]["cons@k"]["16"] = {{"mean", 0.05}, {"stderr", 0.018}};
  write("evaluation/eval.json", json.dump());
  EXPECT_TRUE(verdict("majority").starts_with("does not hold"));
}

TEST_F(Milestones, AsManyIsNotMore) {
  finish_all(0.94);
  nlohmann::json json{{"protocol", ""}};
  for (const auto& [name, spoken] :
       {std::pair("base", 0.9), {"zero", 0.2}, {"sft-1", 0.9}, {"reason", 1.0}, {"plain", 1.0}})
    json["results"].push_back(measured(name, 0.9, 0.01, spoken));
  for (const char* name : {"r1", "distilled"})
    json["results"].push_back(measured(name, 0.9, 0.01, 1));
  write("evaluation/eval.json", json.dump());
  EXPECT_TRUE(verdict("language").starts_with("within error")) << verdict("language");
  EXPECT_TRUE(verdict("order").starts_with("within error")) << verdict("order");
  EXPECT_TRUE(verdict("zero").starts_with("holds") || verdict("zero").starts_with("within"));
}

}  // namespace
}  // namespace r1
