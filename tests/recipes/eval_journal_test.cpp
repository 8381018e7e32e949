#include "recipes/eval_journal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "base/scratch.h"

namespace r1 {
namespace {

void spill(const Path& file, const std::string& text) { std::ofstream(file) << text; }

EvalCell measured() {
  EvalCell cell{.model = "zero", .data = "six", .judge = "accuracy"};
  for (int i = 0; i < 4; ++i) {
    Episode e;
    e.problem = i / 2, e.sample = i % 2;
    e.tokens = {7, 255 + i, 2};
    e.finished = i != 3;
    e.score.value = 0.1 * i;
    e.score.parts = {{"accuracy", 1.0 / 3}, {"judge", std::nan("")}};
    e.score.valid = i != 2;
    cell.evaluated.episodes.push_back(e);
  }
  cell.evaluated.seconds = 1.5;
  cell.evaluated.engine.n_drafted = 9;
  cell.evaluated.engine.n_accepted = 4;
  cell.budget = {{16, 15.25, 0.5, {0.1, 0.2, {0.3, 0.4}}}, {-1, 99, 0, {0.7, 0, {0, 1}}}};
  return cell;
}

TEST(EvalJournal, GivesBackEveryBitOfWhatWasMeasured) {
  const Scratch scratch;
  const Path file = scratch / "e.json.parts.jsonl";
  const EvalCell cell = measured();
  {
    EvalJournal journal = EvalJournal::open(file).value();
    ASSERT_TRUE(journal.add("a", cell));
    ASSERT_TRUE(journal.add("b", std::vector<AbilityScore>{{"mmlu", true, {0, 1, 1.0 / 7}}}));
  }
  const EvalJournal journal = EvalJournal::open(file).value();
  EvalCell read;
  ASSERT_TRUE(journal.find("a", 2, 4, read));
  ASSERT_EQ(read.evaluated.episodes.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    const Episode &a = cell.evaluated.episodes[i], &b = read.evaluated.episodes[i];
    EXPECT_EQ(a.tokens, b.tokens);
    EXPECT_EQ(a.finished, b.finished);
    EXPECT_EQ(a.score.value, b.score.value);
    EXPECT_EQ(a.score.valid, b.score.valid);
    EXPECT_EQ(a.score.parts[0], b.score.parts[0]);
    EXPECT_TRUE(std::isnan(b.score.parts[1].second));
  }
  EXPECT_EQ(read.evaluated.n_tokens, 12);
  EXPECT_EQ(read.evaluated.engine.n_drafted, 9);
  EXPECT_EQ(read.budget[0].thinking_tokens, 15.25);
  EXPECT_EQ(read.budget[0].accuracy.interval.high, 0.4);
  EXPECT_EQ(read.budget[1].budget, -1);
  std::vector<AbilityScore> scores;
  ASSERT_TRUE(journal.find("b", scores));
  EXPECT_EQ(scores[0].values, (std::vector<double>{0, 1, 1.0 / 7}));
  EXPECT_FALSE(journal.find("c", scores));
}

TEST(EvalJournal, WhatDoesNotFitIsMeasuredAgain) {
  const Scratch scratch;
  const Path file = scratch / "parts.jsonl";
  EvalCell cell = measured(), read;
  ASSERT_TRUE(EvalJournal::open(file).value().add("a", cell));
  EXPECT_FALSE(EvalJournal::open(file).value().find("a", 2, 6, read));  // more samples
  EXPECT_FALSE(EvalJournal::open(file).value().find("a", 4, 4, read));  // more problems
  EXPECT_FALSE(EvalJournal::open(file).value().find("b", 2, 4, read));
  std::vector<AbilityScore> scores;
  EXPECT_FALSE(EvalJournal::open(file).value().find("a", scores));  // a part of another kind
}

TEST(EvalJournal, ATornEndIsCutAndTheRestStands) {
  const Scratch scratch;
  const Path file = scratch / "parts.jsonl";
  {
    EvalJournal journal = EvalJournal::open(file).value();
    ASSERT_TRUE(journal.add("a", measured()));
    ASSERT_TRUE(journal.add("b", measured()));
  }
  const std::string whole = read_text(file).value();
  spill(file, whole.substr(0, whole.size() - 20));
  EvalCell read;
  {
    EvalJournal journal = EvalJournal::open(file).value();
    EXPECT_TRUE(journal.find("a", 2, 4, read));
    EXPECT_FALSE(journal.find("b", 2, 4, read));
    ASSERT_TRUE(journal.add("b", measured()));
  }
  EXPECT_EQ(read_text(file).value(), whole);
  for (const char* damage : {"", "{}\n", "[1]\n", "null\n", "{\"key\":7,\"part\":[]}\n",
                             "{\"key\":\"a\",\"part\":{\"episodes\":[{\"problem\":-1}]}}\n",
                             "{\"key\":\"a\",\"part\":7}\n"}) {
    spill(file, damage);
    auto journal = EvalJournal::open(file);
    ASSERT_TRUE(journal) << damage;
    EXPECT_FALSE(journal->find("a", 2, 4, read)) << damage;
  }
}

TEST(EvalJournal, WithoutAPathItKeepsNothing) {
  EvalJournal journal = EvalJournal::open({}).value();
  EXPECT_FALSE(journal.is_on());
  EXPECT_TRUE(journal.add("a", measured()));
  EvalCell read;
  EXPECT_FALSE(journal.find("a", 2, 4, read));
}

TEST(EvalPartKey, ChangesWithAllThatDecidesAResultAndWithNothingElse) {
  const Scratch scratch;
  const Path model = scratch / "model";
  std::filesystem::create_directories(model);
  spill(model / "model.safetensors", "weights");
  spill(scratch / "rows.jsonl", "rows");
  std::filesystem::create_directories(scratch / "judge");
  spill(scratch / "judge" / "model.safetensors", "judge");
  EvalSuiteConfig config;
  config.data = {(scratch / "rows.jsonl").string(), "builtin:last_digit"};
  config.eval.reward = {"name = \"judge\"\nmodel = \"" + (scratch / "judge").string() + "\"\n"};
  const auto key = [&](const std::string& data = "") {
    return eval_part_key(for_cell(config, data.empty() ? config.data[0] : data), {model, "", model})
        .value();
  };
  const std::string first = key();
  EXPECT_EQ(first.size(), 64u);
  config.models = {"a", "b"};
  config.compute.threads = 1;
  config.general.general_data = {"mmlu.jsonl"};
  config.data.push_back("more.jsonl");
  EXPECT_EQ(key(), first);
  EXPECT_NE(key("builtin:last_digit"), first);
  config.seed = 1;
  EXPECT_NE(key(), first);
  config.seed = 0;
  spill(scratch / "rows.jsonl", "other rows");
  const std::string second = key();
  EXPECT_NE(second, first);
  spill(model / "model.safetensors", "other weights");
  const std::string third = key();
  EXPECT_NE(third, second);
  spill(scratch / "judge" / "model.safetensors", "another judge");
  EXPECT_NE(key(), third);
}

}  // namespace
}  // namespace r1
