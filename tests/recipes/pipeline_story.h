// A pipeline of made-up figures for tests of its report.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/scratch.h"
#include "recipes/pipeline_compare.h"
#include "recipes/pipeline_report.h"

namespace r1 {

inline constexpr const char* kStory = R"(
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

inline nlohmann::json measured(const std::string& model, double pass, double error,
                               double one_language) {
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
                    {"16", {{"mean", pass + 0.025}, {"stderr", 0.001}}}};
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
class PipelineStory : public testing::Test {
 protected:
  void SetUp() override {
    auto read = read_pipeline(kStory, "story.toml", {scratch_.path().string(), {}, {}});
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
  /// held_out: pass@1 ± 0.01 at some steps.
  void finish_rl(const std::string& name, int steps, const std::map<int, double>& held_out = {}) {
    finish(name, 10);
    std::string lines;
    for (int i = 0; i <= steps; ++i) {
      nlohmann::json line{{"step", i}};
      if (i > 0)
        line.update({{"reward", 1}, {"rewards/accuracy_strict/mean", 0.5}, {"num_tokens", 100}});
      if (held_out.contains(i))
        line.update({{"eval/pass@1", held_out.at(i)}, {"eval/pass@1_stderr", 0.01}});
      if (line.size() > 1) lines += line.dump() + "\n";
    }
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
        measured("base", 0.05, 0.01, 0.9),           measured("zero", 0.93, 0.01, 0.2),
        measured("sft-1", 0.5, 0.01, 0.9),           measured("reason", 0.92, 0.01, 0.99),
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

}  // namespace r1
