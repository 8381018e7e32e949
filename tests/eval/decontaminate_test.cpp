#include "eval/decontaminate.h"

#include <gtest/gtest.h>

#include "base/scratch.h"

namespace r1 {
namespace {

const char* const kTest =
    R"({"question": "A farmer has 3 red cows, 4 brown cows and 5 goats in two fields", "answer": "#### 12"})"
    "\n"
    R"({"question": "What is 6 * 7?", "answer": "#### 42"})"
    "\n"
    R"({"problem": "Short one", "solution": "one two three four five six seven eight nine ten eleven", "answer": "1"})"
    "\n";

struct Files {
  Scratch scratch;
  DecontaminateConfig config;

  explicit Files(const std::string& train) {
    EXPECT_TRUE(write_text_atomic(scratch / "test.jsonl", kTest));
    EXPECT_TRUE(write_text_atomic(scratch / "train.jsonl", train));
    config.train = (scratch / "train.jsonl").string();
    config.test = {(scratch / "test.jsonl").string()};
    config.output = (scratch / "clean.jsonl").string();
  }
};

TEST(Decontaminate, FindsTenWordsWhateverTheirCaseAndPunctuation) {
  const std::string clean = R"({"prompt": "A farmer has cows. How many?", "completion": "3"})";
  Files files(
      R"({"prompt": "Once a FARMER has 3 red cows; 4 brown cows, and 5 (goats) in one barn", "completion": "…"})"
      "\n" +
      clean + "\n" +
      R"({"prompt": "Count", "completion": "zero one two three four five six seven eight nine ten"})"
      "\n");
  const auto report = decontaminate(files.config);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->n_train, 3);
  EXPECT_EQ(report->n_test, 3);
  EXPECT_EQ(report->n_contaminated, 2);  // a question, and a solution
  EXPECT_EQ(report->n_touched_tests, 2);
  ASSERT_EQ(report->overlaps.size(), 2u);
  EXPECT_EQ(report->overlaps[0].train_id, "train.jsonl:1");
  EXPECT_EQ(report->overlaps[0].test_id, "test.jsonl:1");
  EXPECT_EQ(report->overlaps[1].words, "one two three four five six seven eight nine ten");
  EXPECT_EQ(*read_text(files.config.output), clean + "\n");
}

TEST(Decontaminate, NineWordsInARowAreNone) {
  Files files(
      R"({"prompt": "one two three four five six seven eight nine or more", "completion": "x"})"
      "\n");
  EXPECT_EQ(decontaminate(files.config)->n_contaminated, 0);
  files.config.ngram = 9;
  EXPECT_EQ(decontaminate(files.config)->n_contaminated, 1);
}

TEST(Decontaminate, AShortQuestionCountsAsAWhole) {
  Files files(R"({"prompt": "what is 6 * 7", "completion": "42"})"
              "\n"
              R"({"prompt": "what is 6 * 7 + 1", "completion": "43"})"
              "\n");
  const auto report = decontaminate(files.config);
  EXPECT_EQ(report->n_contaminated, 1);
  EXPECT_EQ(report->overlaps[0].train_id, "train.jsonl:1");
}

TEST(Decontaminate, ListsOnlyTheFirst) {
  std::string train;
  for (int i = 0; i < 5; ++i)
    train += R"({"prompt": "What is 6 * 7?", "completion": "42"})"
             "\n";
  Files files(train);
  files.config.keep = 2;
  const auto report = decontaminate(files.config);
  EXPECT_EQ(report->n_contaminated, 5);
  EXPECT_EQ(report->overlaps.size(), 2u);
  EXPECT_NE(describe(*report, 10).find("3 more"), std::string::npos);
}

TEST(Decontaminate, RefusesWhatMakesNoSense) {
  EXPECT_FALSE(decontaminate({}));
  Files files(R"({"prompt": "a", "completion": "b"})"
              "\n");
  files.config.ngram = 0;
  EXPECT_FALSE(decontaminate(files.config));
  files.config.ngram = 10;
  files.config.test = {"absent.jsonl"};
  EXPECT_FALSE(decontaminate(files.config));
}

}  // namespace
}  // namespace r1
