#include "data/published.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/scratch.h"
#include "data/dataset.h"

namespace r1 {
namespace {

Problem read_one(const std::string& json) {
  const Scratch scratch;
  const Path file = scratch / "rows.jsonl";
  EXPECT_TRUE(write_text_atomic(file, json + "\n"));
  const auto rows = read_problems(file);
  EXPECT_TRUE(rows) << rows.error().message;
  return rows ? rows->front() : Problem{};
}

const std::string& asked(const Problem& p) { return p.messages.back().content; }

TEST(Published, Gsm8k) {
  const Problem p = read_one(R"({"question": "6 * 7?", "answer": "6*7 = <<6*7=42>>42\n#### 42"})");
  EXPECT_EQ(p.form, "gsm8k");
  EXPECT_EQ(p.answer, "42");
  EXPECT_STREQ(reward_of_form(p.form), "math_answer");
}

TEST(Published, MathWithAndWithoutAnAnswerColumn) {
  const Problem full = read_one(
      R"({"problem": "$1+1$?", "solution": "It is \\boxed{2}.", "answer": "2", "level": 3, "unique_id": "test/a.json"})");
  EXPECT_EQ(full.form, "math");
  EXPECT_EQ(full.answer, "2");
  EXPECT_EQ(full.difficulty, 3);
  EXPECT_EQ(full.id, "test/a.json");
  const Problem old = read_one(R"({"problem": "$1+1$?", "solution": "It is \\boxed{2}."})");
  EXPECT_EQ(old.form, "math");
}

TEST(Published, AimeInItsTwoSpellings) {
  const Problem capital =
      read_one(R"({"ID": "2024-II-4", "Problem": "Find m+n.", "Solution": "…", "Answer": 33})");
  EXPECT_EQ(capital.form, "math");
  EXPECT_EQ(capital.answer, "33");
  EXPECT_EQ(asked(capital), "Find m+n.");
  const Problem small = read_one(
      R"({"id": 60, "problem": "Find m+n.", "solution": "…", "answer": "204", "url": "u", "year": "2024"})");
  EXPECT_EQ(small.form, "math");
  EXPECT_EQ(small.answer, "204");
}

TEST(Published, HumanEvalAndMbpp) {
  const Problem human = read_one(
      R"({"task_id": "HumanEval/0", "prompt": "def f():\n", "entry_point": "f", "canonical_solution": "    return 1\n", "test": "def check(c):\n    assert c() == 1\n"})");
  EXPECT_EQ(human.form, "humaneval");
  EXPECT_EQ(asked(human), "def f():\n");
  const Problem mbpp = read_one(
      R"({"text": "Write a function f.", "code": "…", "task_id": 2, "test_setup_code": "", "test_list": ["assert f() == 1", "assert f() < 2"]})");
  EXPECT_EQ(mbpp.form, "mbpp");
  EXPECT_NE(asked(mbpp).find("assert f() < 2"), std::string::npos);
  EXPECT_TRUE(mbpp.completion.empty());
  const Problem sanitized = read_one(
      R"({"prompt": "Write f.", "task_id": 2, "test_imports": ["import math"], "test_list": ["assert f() == 1"]})");
  EXPECT_EQ(sanitized.columns.at("test_setup_code"), R"("import math\n")");
  EXPECT_STREQ(reward_of_form("mbpp"), "code");
}

TEST(Published, MultipleChoiceInFiveForms) {
  const std::string question = "Capital of France?\n\nA. Rome\nB. Paris";
  for (
      const char* row :
      {R"({"question": "Capital of France?", "subject": "geography", "choices": ["Rome", "Paris"], "answer": 1})",
       R"({"question": "Capital of France?", "choices": {"text": ["Rome", "Paris"], "label": ["A", "B"]}, "answerKey": "B"})",
       R"({"question": "Capital of France?", "choices": {"text": ["Rome", "Paris"], "label": ["1", "2"]}, "answerKey": "2"})",
       R"({"question": "Capital of France?", "options": ["Rome", "Paris"], "answer": "B", "answer_index": 1})",
       R"({"ctx": "Capital of France?", "endings": ["Rome", "Paris"], "label": "1"})",
       R"({"question": "Capital of France?", "choices": ["Rome", "Paris"], "answer": "Paris"})"}) {
    const Problem p = read_one(row);
    EXPECT_EQ(p.form, "choice") << row;
    EXPECT_EQ(p.answer, "B") << row;
    EXPECT_EQ(asked(p), question) << row;
    EXPECT_EQ(choices_of(p), (std::vector<std::string>{"Rome", "Paris"})) << row;
    EXPECT_EQ(question_of(p), "Capital of France?") << row;
  }
}

TEST(Published, GpqaChoicesAreShuffledByTheQuestionAlone) {
  const char* row =
      R"({"Question": "Which?", "Correct Answer": "right", "Incorrect Answer 1": "a", "Incorrect Answer 2": "b", "Incorrect Answer 3": "c"})";
  const Problem p = read_one(row), again = read_one(row);
  EXPECT_EQ(p.form, "choice");
  EXPECT_EQ(asked(p), asked(again));
  const std::vector<std::string> choices = choices_of(p);
  ASSERT_EQ(choices.size(), 4u);
  EXPECT_EQ(choices.at(static_cast<size_t>(p.answer.at(0) - 'A')), "right");
}

TEST(Published, RowsThatOnlyLookLikeChoicesStayAsTheyAre) {
  for (const char* row :
       {R"({"question": "Q", "choices": ["only one"], "answer": 0})",
        R"({"question": "Q", "choices": ["a", "b"], "answer": 7})",
        R"({"question": "Q", "choices": "a, b", "answer": "a"})",
        R"({"question": "Q", "choices": {"text": ["a", "b"], "label": "?"}, "answerKey": "Z"})",
        R"({"question": "Q", "options": [{"text": 3}, {"label": "B"}], "answer": "B"})"}) {
    const Problem p = read_one(row);
    EXPECT_NE(p.form, "choice") << row;
    EXPECT_EQ(asked(p), "Q") << row;
  }
}

TEST(Published, SharedFilesAreReadWithoutNamingAColumn) {
  const char* folder = std::getenv("R1_SHARED_DATA");
  if (!folder) GTEST_SKIP() << "R1_SHARED_DATA is not set";
  for (const auto& [file, form] : std::initializer_list<std::pair<const char*, const char*>>{
           {"gsm8k/test_first660.jsonl", "gsm8k"},
           {"math/math500_even.jsonl", "math"},
           {"math/math_test_not500_sample.jsonl", "math"},
           {"code/HumanEval_even.jsonl", "humaneval"},
           {"code/humaneval_cpp_multiple_even.jsonl", "humaneval"},
           {"code/mbpp_prompt_train_validation.jsonl", "mbpp"}}) {
    const auto rows = read_problems(Path(folder) / file);
    ASSERT_TRUE(rows) << rows.error().message;
    for (const Problem& row : *rows) EXPECT_EQ(row.form, form) << file << " " << row.id;
  }
}

}  // namespace
}  // namespace r1
