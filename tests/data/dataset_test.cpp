#include "data/dataset.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/random.h"

namespace r1 {
namespace {

class Dataset : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(testing::TempDir()) / (std::string("r1_") + test->name());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Path write(const std::string& text) const {
    const Path path = folder_ / "rows.jsonl";
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  Result<std::vector<Problem>> read(const std::string& text,
                                    const DatasetOptions& options = {}) const {
    return read_problems(write(text), options);
  }
  Problem one(const std::string& line, const DatasetOptions& options = {}) const {
    auto problems = read(line + "\n", options);
    EXPECT_TRUE(problems) << (problems ? "" : problems.error().message);
    return problems ? problems->at(0) : Problem{};
  }
  std::string error(const std::string& text, const DatasetOptions& options = {}) const {
    auto problems = read(text, options);
    return problems ? "no error" : problems.error().message;
  }
  void expect_error(const std::string& line, const std::string& part) const {
    const std::string message = error("{\"prompt\": \"good\"}\n" + line + "\n");
    EXPECT_NE(message.find("rows.jsonl:2: "), std::string::npos) << message;
    EXPECT_NE(message.find(part), std::string::npos) << message;
    EXPECT_NE(message.find("--skip_bad_lines"), std::string::npos) << message;
  }

  Path folder_;
};

TEST_F(Dataset, ReadsAPlainPromptWithItsAnswer) {
  const Problem p = one(R"({"prompt": "1+1?", "answer": 2, "level": 3, "tag": ["x"], "id": "q1"})");
  ASSERT_EQ(p.messages.size(), 1u);
  EXPECT_EQ(p.messages[0].role, "user");
  EXPECT_EQ(p.messages[0].content, "1+1?");
  EXPECT_FALSE(p.is_chat);
  EXPECT_EQ(p.answer, "2");
  EXPECT_EQ(p.difficulty, 3);
  EXPECT_EQ(p.id, "q1");
  EXPECT_EQ(p.completion, "");
  EXPECT_EQ(p.columns, (std::map<std::string, std::string>{{"tag", "[\"x\"]"}}));
}

TEST_F(Dataset, ReadsAMessageListAsChat) {
  const Problem p =
      one(R"({"prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}], )"
          R"("solution": "x"})");
  ASSERT_EQ(p.messages.size(), 2u);
  EXPECT_TRUE(p.is_chat);
  EXPECT_EQ(p.messages[1].content, "q");
  EXPECT_EQ(p.answer, "x");
  EXPECT_EQ(p.id, "rows.jsonl:1");
}

TEST_F(Dataset, TakesTheLastAssistantMessageAsTarget) {
  const Problem p = one(
      R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})");
  ASSERT_EQ(p.messages.size(), 1u);
  EXPECT_EQ(p.completion, "a");
  const Problem thought =
      one(R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", )"
          R"("reasoning_content": "t", "content": "a"}]})");
  EXPECT_EQ(thought.completion, "<think>\nt\n</think>\n\na");
}

TEST_F(Dataset, ReadsTheFormsOfOthers) {
  const Problem sharegpt =
      one(R"({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]})");
  EXPECT_EQ(sharegpt.messages.at(0).role, "user");
  EXPECT_EQ(sharegpt.completion, "a");

  const Problem alpaca = one(R"({"instruction": "Add.", "input": "1 2", "output": "3"})");
  EXPECT_EQ(alpaca.messages.at(0).content, "Add.\n\n1 2");
  EXPECT_EQ(alpaca.completion, "3");
  EXPECT_EQ(one(R"({"instruction": "Hi", "input": "", "output": "3"})").messages[0].content, "Hi");

  const Problem text = one(R"({"text": "once upon a time"})");
  EXPECT_TRUE(text.messages.empty());
  EXPECT_EQ(text.completion, "once upon a time");

  const Problem trl = one(R"({"prompt": [{"role": "user", "content": "q"}], )"
                          R"("completion": [{"role": "assistant", "content": "a"}]})");
  EXPECT_EQ(trl.completion, "a");

  const Problem verl =
      one(R"({"prompt": [{"role": "user", "content": "q"}], "reward_model": {"style": "rule", )"
          R"("ground_truth": "72"}})");
  EXPECT_EQ(verl.answer, "72");
  EXPECT_EQ(verl.columns.count("reward_model"), 1u);

  const Problem parts =
      one(R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, )"
          R"({"type": "text", "text": "b"}]}]})");
  EXPECT_EQ(parts.messages.at(0).content, "ab");
}

TEST_F(Dataset, TakesTheNumberBehindTheHashesOfGsm8k) {
  EXPECT_EQ(one(R"({"question": "q", "answer": "48/2 = 24\n#### 1,072 \n"})").answer, "1,072");
}

TEST_F(Dataset, PrefersAnAnswerToASolutionAndKeepsTheOther) {
  const Problem p = one(R"({"problem": "q", "solution": "long", "answer": "7"})");
  EXPECT_EQ(p.answer, "7");
  EXPECT_EQ(p.columns.at("solution"), "\"long\"");
}

TEST_F(Dataset, ColumnsCanBeNamed) {
  DatasetOptions options;
  options.prompt_column = "ask";
  options.answer_column = "truth";
  options.completion_column = "target";
  const Problem p = one(R"({"prompt": "no", "ask": "q", "truth": true, "target": "t"})", options);
  EXPECT_EQ(p.messages.at(0).content, "q");
  EXPECT_EQ(p.answer, "true");
  EXPECT_EQ(p.completion, "t");
  EXPECT_EQ(p.columns.at("prompt"), "\"no\"");
  EXPECT_NE(error(R"({"ask": "q", "target": "t"})", options)
                .find("no column truth; the row has ask, target"),
            std::string::npos);
}

TEST_F(Dataset, ReadsWindowsLinesBlankLinesAndAByteOrderMark) {
  const auto problems =
      read("\xEF\xBB\xBF{\"prompt\": \"a\"}\r\n\r\n  \n{\"prompt\": \"b\\u00e9\\n\"}");
  ASSERT_TRUE(problems);
  ASSERT_EQ(problems->size(), 2u);
  EXPECT_EQ((*problems)[1].messages[0].content, "b\xC3\xA9\n");
  EXPECT_EQ((*problems)[1].id, "rows.jsonl:4");
}

TEST_F(Dataset, BadLinesAreNamedWithTheirFault) {
  const auto expect = [&](const std::string& line, const std::string& part) {
    expect_error(line, part);
  };
  expect("{\"prompt\": \"cut", "broken JSON");
  expect("{\"prompt\": \"a\"} x", "broken JSON");
  expect("{\"prompt\": \"\xFF\xFE\"}", "not UTF-8");
  expect("{\"prompt\": \"\\ud800\"}", "broken JSON");
  expect("[1, 2]", "expected one JSON object, found a list");
  expect("{\"promt\": \"a\"}",
         "no prompt; the row has promt; name its column with --prompt_column");
  expect("{}", "no prompt; the row has no columns");
  expect("{\"prompt\": null}", "no prompt");
  expect("{\"prompt\": 5}", "prompt: expected text or a list of messages, found a number");
  expect("{\"prompt\": \"\"}", "prompt: empty");
  expect("{\"prompt\": []}", "prompt: an empty list");
  expect("{\"prompt\": [\"a\"]}", "prompt[0]: expected a message, found text");
  expect("{\"prompt\": [{\"content\": \"a\"}]}", "prompt[0]: no role");
  expect("{\"prompt\": [{\"role\": \"king\", \"content\": \"a\"}]}", "unknown role \"king\"");
  expect("{\"prompt\": [{\"role\": \"user\"}]}", "prompt[0]: no content");
  expect("{\"prompt\": [{\"role\": \"user\", \"content\": 4}]}",
         "prompt[0].content: expected text");
  expect("{\"prompt\": \"a\", \"answer\": [1, 2]}",
         "answer: expected text or a number, found a list");
  expect("{\"prompt\": \"a\", \"completion\": 3}", "completion: expected text, found a number");
  expect(std::string(5000, '['), "broken JSON");
}

TEST_F(Dataset, BadLinesCanBeSkipped) {
  DatasetOptions options;
  options.skip_bad_lines = true;
  const auto problems =
      read("{\"prompt\": \"a\"}\n{oops\n{\"prompt\": \"c\"}\n{\"x\": 1}\n", options);
  ASSERT_TRUE(problems);
  ASSERT_EQ(problems->size(), 2u);
  EXPECT_EQ((*problems)[1].messages[0].content, "c");
  EXPECT_NE(error("{oops\n", options).find("no rows"), std::string::npos);
}

TEST_F(Dataset, SurvivesAnyDamagedByte) {
  const std::string row =
      R"({"id": 1, "prompt": [{"role": "user", "content": "a\u00e9\n"}], "answer": 7.5, "x": {}})";
  DatasetOptions options;
  options.skip_bad_lines = true;
  Rng rng(1, 0);
  std::string text = row + "\n";
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = row.substr(0, rng.between(1, static_cast<int64_t>(row.size())));
    for (int64_t n = rng.below(3); n > 0; --n) {
      damaged[rng.below(damaged.size())] = static_cast<char>(rng.below(256));
    }
    text += damaged + "\n";
  }
  const auto problems = read(text, options);
  ASSERT_TRUE(problems);
  EXPECT_EQ((*problems)[0].answer, "7.5");
}

TEST_F(Dataset, AFileWithoutRowsOrWithoutExistenceIsAnError) {
  EXPECT_NE(error("").find("no rows"), std::string::npos);
  EXPECT_NE(error("\n \n").find("no rows"), std::string::npos);
  const auto missing = read_problems(folder_ / "missing.jsonl");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("missing.jsonl"), std::string::npos);
}

TEST(DatasetShared, ReadsGsm8kAndMath) {
  const char* shared = std::getenv("R1_SHARED_DATA");
  const Path folder = shared ? Path(shared) : Path();
  if (!shared || !std::filesystem::exists(folder / "gsm8k/train.jsonl")) {
    GTEST_SKIP() << "R1_SHARED_DATA does not name a folder with gsm8k/train.jsonl";
  }
  const auto gsm8k = read_problems(folder / "gsm8k/train.jsonl");
  ASSERT_TRUE(gsm8k) << gsm8k.error().message;
  EXPECT_EQ(gsm8k->size(), 7473u);
  EXPECT_EQ((*gsm8k)[0].answer, "72");
  for (const auto& problem : *gsm8k) {
    ASSERT_EQ(problem.answer.find_first_not_of("-0123456789,."), std::string::npos)
        << problem.answer;
  }
  const auto math = read_problems(folder / "math/math500_even.jsonl");
  ASSERT_TRUE(math) << math.error().message;
  EXPECT_EQ(math->size(), 250u);
  EXPECT_GT((*math)[0].difficulty, 0);
}

}  // namespace
}  // namespace r1
