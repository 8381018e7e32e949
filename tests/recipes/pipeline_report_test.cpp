#include "recipes/pipeline_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/scratch.h"

namespace r1 {
namespace {

constexpr const char* kStory = R"(
title = "R1 <small>"
output_dir = "unset"
seed = 7
notes = ["written by hand & counted"]
[[stage]]
name = "base"
verb = "pretrain"
title = "a \"base\" <b>"
[[stage]]
name = "zero"
verb = "rl"
model = "@base"
reward_funcs = ["accuracy_strict", "format"]
[[stage]]
name = "sft-1"
role = "cold"
verb = "sft"
model = "@base"
[[stage]]
name = "reason"
verb = "rl"
model = "@sft-1"
reward_funcs = ["accuracy_strict", "format", "last_digit_language"]
[[stage]]
name = "plain"
verb = "rl"
model = "@sft-1"
reward_funcs = ["accuracy_strict", "format"]
[[stage]]
name = "r1"
verb = "sft"
model = "@reason"
[[stage]]
name = "distilled"
verb = "distill"
model = "@base"
teacher = "@r1"
[[stage]]
name = "evaluation"
verb = "eval"
models = ["@base", "@zero", "@sft-1", "@reason", "@plain", "@r1", "@distilled"]
)";

nlohmann::json measured(const std::string& model, double pass, double error, double one_language) {
  nlohmann::json json{{"model", model},
                      {"data", "last_digit"},
                      {"pass@1", pass},
                      {"pass@1_stderr", error},
                      {"format_rate", 0.9},
                      {"mean_length", 70},
                      {"truncated_rate", 0},
                      {"one_language_rate", one_language},
                      {"n_problems", 64},
                      {"n_samples", 1024},
                      {"language_shares", {{"en", 1}}}};
  json["cons@k"] = {{"1", {{"mean", pass}, {"stderr", error}}},
                    {"16", {{"mean", pass + 0.01}, {"stderr", error}}}};
  json["pass@k"] = json["cons@k"];
  json["examples"] = {{{"id", "p0"},
                       {"question", "1 + 1 <script> ?"},
                       {"answer", "2"},
                       {"completion", "<think> sum </think> 2"},
                       {"correct", 1},
                       {"format", 1},
                       {"reward", 1.5}}};
  return json;
}

/// A pipeline whose folders a test fills.
class PipelineReport : public testing::Test {
 protected:
  void SetUp() override {
    auto read = read_pipeline(kStory, "story.toml", scratch_.path().string());
    ASSERT_TRUE(read) << read.error().message;
    pipeline_ = std::move(*read);
  }
  void finish(const std::string& name, double seconds) {
    const Stage& stage = *pipeline_.find(name);
    ASSERT_TRUE(make_folder(stage.kind->is_run ? stage.product() : stage.folder));
    ASSERT_TRUE(write_stage_record(stage, {"key", true, seconds}));
  }
  void write(const std::string& file, const std::string& text) {
    ASSERT_TRUE(write_text_atomic(scratch_ / file, text));
  }
  void finish_rl(const std::string& name, int steps) {
    finish(name, 10);
    std::string lines;
    for (int i = 1; i <= steps; ++i)
      lines += "{\"step\": " + std::to_string(i) +
               ", \"reward\": 1, \"rewards/accuracy_strict/mean\": 0.5, \"num_tokens\": 100}\n";
    write(name + "/metrics.jsonl", lines);
  }
  void finish_all(double distilled) {
    for (const char* name : {"base", "sft-1", "r1", "distilled"}) finish(name, 2);
    finish_rl("zero", 50);
    finish_rl("reason", 20);
    finish_rl("plain", 20);
    finish("evaluation", 3);
    nlohmann::json json{{"protocol", "temperature 1"}};
    json["results"] = {
        measured("base", 0.05, 0.01, 0.9),           measured("zero", 0.91, 0.01, 0.2),
        measured("sft-1", 0.5, 0.02, 0.9),           measured("reason", 0.92, 0.01, 0.99),
        measured("plain", 0.93, 0.01, 0.5),          measured("r1", 0.97, 0.01, 0.995),
        measured("distilled", distilled, 0.01, 0.99)};
    write("evaluation/eval.json", json.dump());
  }
  PipelineFacts facts() const {
    return read_pipeline_facts(pipeline_, std::vector<std::string>(pipeline_.stages.size(), "key"));
  }
  std::string verdict(const std::string& key) const {
    for (const PipelineVerdict& v : pipeline_verdicts(facts())) {
      if (v.key == key) return v.verdict + ": " + v.numbers;
    }
    return "none";
  }
  static bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }

  Scratch scratch_;
  Pipeline pipeline_;
  const PipelineAbout about_{"a machine", "1.2.3", "r1 run story.toml"};
};

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
  EXPECT_DOUBLE_EQ(json["models"][1]["pass@1"], 0.91);
  EXPECT_DOUBLE_EQ(json["models"][1]["cons@k"]["16"]["mean"], 0.92);
  EXPECT_DOUBLE_EQ(json["timing"]["seconds"]["zero"], 10);
  EXPECT_DOUBLE_EQ(json["timing"]["total_seconds"], 4 * 2 + 3 * 10 + 3);
  const std::string page = render_pipeline_report(all, about_);
  EXPECT_TRUE(has(page, "91.0 %"));
  EXPECT_TRUE(has(page, "written by hand &amp; counted"));
  EXPECT_LT(page.size(), 3u << 20);
}

TEST_F(PipelineReport, VerdictsAreComputed) {
  finish_all(0.94);
  EXPECT_TRUE(verdict("zero").starts_with("holds: zero 91.0 ± 1.0 %")) << verdict("zero");
  EXPECT_TRUE(verdict("r1").starts_with("holds")) << verdict("r1");
  EXPECT_TRUE(has(verdict("r1"), "after 20 RL steps, zero took 50")) << verdict("r1");
  EXPECT_TRUE(verdict("order").starts_with("holds")) << verdict("order");
  EXPECT_TRUE(verdict("majority").starts_with("holds")) << verdict("majority");
  EXPECT_TRUE(verdict("language").starts_with("holds")) << verdict("language");
  EXPECT_TRUE(has(verdict("language"), "-1.0 ± 1.4 points")) << verdict("language");
  // zero and distilled start from the same base: 0.94 is not 3 × 0.91
  EXPECT_TRUE(verdict("distillation").starts_with("does not hold")) << verdict("distillation");
  EXPECT_TRUE(has(verdict("distillation"), "1.0 ± 0.0 ×")) << verdict("distillation");
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
  const Estimate r = ratio_of(0.4, 0.04, 0.1, 0.01);
  EXPECT_DOUBLE_EQ(r.mean, 4);
  EXPECT_NEAR(r.error, 4 * std::sqrt(0.02), 1e-12);
  EXPECT_TRUE(std::isnan(ratio_of(0.4, 0.04, 0, 0).mean));
  EXPECT_EQ(share_text(0.954, 0.0042), "95.4 ± 0.4 %");
  EXPECT_EQ(share_text(kUnknown, 0.1), "–");
  EXPECT_EQ(flops_text(4.2e12), "4.2T");
}

}  // namespace
}  // namespace r1
