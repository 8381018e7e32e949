#include "recipes/pipeline.h"

#include <gtest/gtest.h>

#include "base/scratch.h"

namespace r1 {
namespace {

constexpr const char* kThree = R"(
title = "three"
output_dir = "runs/three"
seed = 5
[compute]
threads = 1
[variables]
model = "@base"
steps = 3
[[stage]]
name = "base"
verb = "pretrain"
max_steps = "$steps"
[stage.gate]
enabled = true
[[stage]]
name = "rows"
verb = "data"
split = "cold_start"
[[stage]]
name = "cold"
verb = "sft"
model = "$model"
data = "@rows"
seed = 9
)";

std::string error_of(const std::string& toml) {
  const auto read = read_pipeline(toml, "a.toml");
  return read ? "" : read.error().message;
}

TEST(Pipeline, ReadsStagesReferencesAndDefaults) {
  const auto read = read_pipeline(kThree, "a.toml");
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->stages.size(), 3u);
  EXPECT_EQ(read->stages[0].product(), Path("runs/three/base/final"));
  EXPECT_EQ(read->stages[1].product(), Path("runs/three/rows/rows.jsonl"));
  EXPECT_EQ(read->stages[2].inputs, (std::vector<std::string>{"rows", "base"}));
  EXPECT_NE(read->stages[0].config.find("max_steps = 3"), std::string::npos);
  EXPECT_NE(read->stages[0].config.find("seed = 5"), std::string::npos);
  EXPECT_NE(read->stages[2].config.find("seed = 9"), std::string::npos);
  EXPECT_NE(read->stages[2].config.find("threads = 1"), std::string::npos);
  EXPECT_EQ(read->stages[1].config.find("threads"), std::string::npos);  // r1 data has no threads
  const std::string resolved =
      resolve_config(read->stages[2], [](const std::string& name) { return "out/" + name; });
  EXPECT_NE(resolved.find("out/base"), std::string::npos) << resolved;
}

TEST(Pipeline, VariablesAreSetFromOutside) {
  const auto read =
      read_pipeline(kThree, "a.toml", {"elsewhere", {"steps=7", "model=some/folder"}, {}});
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_NE(read->stages[0].config.find("max_steps = 7"), std::string::npos);
  EXPECT_NE(read->stages[2].config.find("some/folder"), std::string::npos);
  EXPECT_EQ(read->stages[2].inputs, std::vector<std::string>{"rows"});
  EXPECT_EQ(read->stages[0].folder, Path("elsewhere/base"));
  const auto wrong = read_pipeline(kThree, "a.toml", {"", {"stepps=7"}, {}});
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("of model, steps"), std::string::npos);
}

TEST(Pipeline, AStagesOptionsAreSetFromOutside) {
  const auto read = read_pipeline(kThree, "a.toml",
                                  {"",
                                   {},
                                   {{"base.max_steps", "9"},
                                    {"base.gate.enabled", "false"},
                                    {"base.new-model.architecture", "llama"},
                                    {"rows.filters", "correct,format"},
                                    {"cold.numbers", "1,0.5"}}});
  ASSERT_TRUE(read) << read.error().message;
  const std::string& base = read->stages[0].config;
  EXPECT_NE(base.find("max_steps = 9"), std::string::npos) << base;
  EXPECT_NE(base.find("enabled = false"), std::string::npos) << base;
  EXPECT_NE(base.find("architecture = 'llama'"), std::string::npos) << base;
  EXPECT_NE(read->stages[1].config.find("filters = [ 'correct', 'format' ]"), std::string::npos);
  EXPECT_NE(read->stages[2].config.find("numbers = [ 1, 0.5 ]"), std::string::npos);
  const auto without = read_pipeline(kThree, "a.toml", {"", {}, {{"cold.enabled", "false"}}});
  ASSERT_TRUE(without) << without.error().message;
  EXPECT_EQ(without->stages.size(), 2u);
  const auto wrong = read_pipeline(kThree, "a.toml", {"", {}, {{"bas.max_steps", "9"}}});
  ASSERT_FALSE(wrong);
  EXPECT_NE(
      wrong.error().message.find("--bas.max_steps: there is no stage 'bas'; did you mean 'base'?"),
      std::string::npos)
      << wrong.error().message;
}

TEST(Pipeline, VariablesNameVariablesAndFillLists) {
  const std::string toml = R"(
output_dir = "x"
[variables]
steps = 4
few = "$steps"
kept = ["correct", "format"]
wanted = false
[[stage]]
name = "a"
verb = "pretrain"
max_steps = "$few"
[[stage]]
name = "b"
enabled = "$wanted"
verb = "rl"
model = "@a"
[[stage]]
name = "c"
verb = "eval"
after = ["a", "b"]
models = ["@a", "@b"]
filters = ["length", "$kept"]
)";
  const auto read = read_pipeline(toml, "a.toml");
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->stages.size(), 2u);
  EXPECT_NE(read->stages[0].config.find("max_steps = 4"), std::string::npos);
  EXPECT_EQ(read->stages[1].inputs, (std::vector<std::string>{"a", "a"}));
  EXPECT_EQ(read->stages[1].config.find("@b"), std::string::npos);
  EXPECT_NE(read->stages[1].config.find("'length', 'correct', 'format'"), std::string::npos)
      << read->stages[1].config;
  const auto more = read_pipeline(toml, "a.toml", {"", {"wanted=true", "steps=9", "kept=[]"}, {}});
  ASSERT_TRUE(more) << more.error().message;
  ASSERT_EQ(more->stages.size(), 3u);
  EXPECT_NE(more->stages[0].config.find("max_steps = 9"), std::string::npos);
  EXPECT_NE(more->stages[2].config.find("@b"), std::string::npos);
  EXPECT_EQ(more->stages[2].config.find("correct"), std::string::npos);
}

TEST(Pipeline, BadFilesAreNamed) {
  const std::string head = "output_dir = \"x\"\n[[stage]]\nname = \"a\"\n";
  EXPECT_NE(error_of("output_dir = \"x\"\n").find("no [[stage]]"), std::string::npos);
  EXPECT_NE(error_of(head + "verb = \"bake\"\n").find("verb is 'bake'"), std::string::npos);
  EXPECT_NE(error_of(head + "verb = \"sft\"\nmodel = \"@b\"\n").find("'b', which is no stage"),
            std::string::npos);
  EXPECT_NE(error_of(head + "verb = \"sft\"\nmodel = \"@a\"\n").find("put it first"),
            std::string::npos);
  EXPECT_NE(error_of(head + "verb = \"sft\"\noutput_dir = \"y\"\n").find("set by the pipeline"),
            std::string::npos);
  EXPECT_NE(error_of(head + "verb = \"sft\"\nmodel = \"$m\"\n").find("names no variable"),
            std::string::npos);
  EXPECT_NE(error_of("outputdir = \"x\"\n").find("did you mean 'output_dir'"), std::string::npos);
  EXPECT_NE(error_of("[[stage]\n").find("a.toml:1"), std::string::npos);
}

/// A pipeline whose stages only write their product.
struct Fake {
  const Scratch scratch;
  std::string toml = kThree, program = "r1 1";
  std::vector<std::string> ran;
  std::string broken;  // a stage that fails

  Result<void> run(const std::string& from = "", const std::string& until = "",
                   const std::string& only = "") {
    ran.clear();
    R1_TRY(const Pipeline pipeline,
           read_pipeline(toml, "a.toml", {(scratch / "out").string(), {}, {}}));
    PipelineRun plan{from, until, only, {}, {}};
    plan.run = [&](const Stage& stage, const std::vector<std::string>& args) -> Result<void> {
      std::string how;
      for (const std::string& arg : args) {
        if (arg == "--resume") how = "+";
      }
      ran.push_back(stage.name + how);
      if (stage.name == broken) {
        R1_RETURN_IF_ERROR(make_folder(stage.folder / "checkpoints" / "step_1"));
        return fail("it broke");
      }
      R1_RETURN_IF_ERROR(make_folder(stage.product().parent_path()));
      return write_text_atomic(stage.product(), stage.name);
    };
    R1_TRY(const auto keys, stage_keys(pipeline, program));
    return run_pipeline(pipeline, keys, plan);
  }
  using Names = std::vector<std::string>;
};

TEST(Pipeline, WhatIsDoneAndUnchangedIsSkipped) {
  Fake fake;
  ASSERT_TRUE(fake.run());
  EXPECT_EQ(fake.ran, (Fake::Names{"base", "rows", "cold"}));
  ASSERT_TRUE(fake.run());
  EXPECT_TRUE(fake.ran.empty());
}

TEST(Pipeline, AChangeRunsItsStageAndAllThatDependOnIt) {
  Fake fake;
  ASSERT_TRUE(fake.run());
  const size_t place = fake.toml.find("cold_start");
  fake.toml.replace(place, 10, "problems_x");
  ASSERT_TRUE(fake.run());
  EXPECT_EQ(fake.ran, (Fake::Names{"rows", "cold"}));
  fake.program = "r1 2";
  ASSERT_TRUE(fake.run());
  EXPECT_EQ(fake.ran.size(), 3u);
}

TEST(Pipeline, AFileThatAStageReadsIsPartOfIt) {
  Fake fake;
  const std::string file = (fake.scratch / "data.jsonl").string();
  ASSERT_TRUE(write_text_atomic(file, "1"));
  fake.toml.replace(fake.toml.find("@rows"), 5, file);
  ASSERT_TRUE(fake.run());
  ASSERT_TRUE(fake.run());
  EXPECT_TRUE(fake.ran.empty());
  ASSERT_TRUE(write_text_atomic(file, "2"));
  ASSERT_TRUE(fake.run());
  EXPECT_EQ(fake.ran, Fake::Names{"cold"});
}

TEST(Pipeline, ABrokenStageGoesOnFromItsCheckpoint) {
  Fake fake;
  fake.broken = "cold";
  const auto failed = fake.run();
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("stage cold: it broke"), std::string::npos)
      << failed.error().message;
  fake.broken.clear();
  ASSERT_TRUE(fake.run());
  EXPECT_EQ(fake.ran, Fake::Names{"cold+"});
}

TEST(Pipeline, ThreadsChangeNothing) {
  Fake fake;
  ASSERT_TRUE(fake.run());
  fake.toml.replace(fake.toml.find("threads = 1"), 11, "threads = 2");
  ASSERT_TRUE(fake.run());
  EXPECT_TRUE(fake.ran.empty());
}

TEST(Pipeline, WhatRanAloneOnOldInputsRunsAgainAfterThem) {
  Fake fake;
  ASSERT_TRUE(fake.run());
  fake.toml.replace(fake.toml.find("steps = 3"), 9, "steps = 4");
  ASSERT_TRUE(fake.run("", "", "cold"));
  EXPECT_EQ(fake.ran, Fake::Names{"cold"});
  ASSERT_TRUE(fake.run());
  EXPECT_EQ(fake.ran, (Fake::Names{"base", "cold"}));
  ASSERT_TRUE(fake.run());
  EXPECT_TRUE(fake.ran.empty());
}

TEST(Pipeline, PartsOfItRunByName) {
  Fake fake;
  ASSERT_TRUE(fake.run("", "rows"));
  EXPECT_EQ(fake.ran, (Fake::Names{"base", "rows"}));
  ASSERT_TRUE(fake.run("rows"));
  EXPECT_EQ(fake.ran, (Fake::Names{"rows", "cold"}));
  ASSERT_TRUE(fake.run("", "", "base"));
  EXPECT_EQ(fake.ran, Fake::Names{"base"});
  EXPECT_FALSE(fake.run("nowhere"));
  Fake fresh;
  const auto early = fresh.run("cold");
  ASSERT_FALSE(early);
  EXPECT_NE(early.error().message.find("base before it has not been run"), std::string::npos);
}

}  // namespace
}  // namespace r1
