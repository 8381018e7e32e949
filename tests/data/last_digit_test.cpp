#include "data/last_digit.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

namespace r1 {
namespace {

// 8 a + 4 b - 5 c * 7 d + 8 ?  ->  8+4=2  2-5=7  7*7=9  9+8=7
const LastDigitProgram kProgram{8, {{'+', 4}, {'-', 5}, {'*', 7}, {'+', 8}}, 7};

std::string trace(TraceStyle style, Language language, double slip_rate, uint64_t seed = 1) {
  Rng rng(seed, 0);
  return write_trace(kProgram, style, language, slip_rate, rng).text;
}

int run(const std::string& problem) {
  std::istringstream in(problem);
  std::string label, op, operand;
  int value = 0;
  in >> value;
  while (in >> label >> op >> operand) value = last_digit_of(op[0], value, std::stoi(operand));
  return value;
}

TEST(LastDigit, StepsWrapAroundBelowZeroAndAboveNine) {
  EXPECT_EQ(last_digit_of('+', 8, 4), 2);
  EXPECT_EQ(last_digit_of('-', 2, 5), 7);
  EXPECT_EQ(last_digit_of('*', 7, 7), 9);
  EXPECT_EQ(last_digit_of('-', 0, 9), 1);
}

TEST(LastDigit, RendersLabelledLines) {
  EXPECT_EQ(render(kProgram), "8 a + 4 b - 5 c * 7 d + 8 ?");
}

// Values of Python's zlib.crc32 over the problem without spaces, mod 8.
TEST(LastDigit, SplitIsCrc32OfTheProblem) {
  EXPECT_FALSE(is_test("8 a + 4 b - 5 ?"));
  EXPECT_FALSE(is_test("1 a + 1 b + 1 c + 1 d + 1 ?"));
  std::set<int> held_out;
  for (int start = 1; start <= 9; ++start) {
    if (is_test(std::to_string(start) + " a + 1 b + 2 c + 3 d + 4 ?")) held_out.insert(start);
  }
  EXPECT_EQ(held_out, (std::set<int>{2, 5}));
}

TEST(LastDigit, TracesOfEachStyleReadAsInTheRecipe) {
  const auto english = [](TraceStyle style) { return trace(style, Language::kEnglish, 0); };
  EXPECT_EQ(english(TraceStyle::kDirect), "guess");
  EXPECT_EQ(english(TraceStyle::kQuick), "quick b = 7");  // d is the last line: it is the answer
  EXPECT_EQ(english(TraceStyle::kSteps), "so a + 4 = 2 so b - 5 = 7 so c * 7 = 9 so d + 8 = 7");
  EXPECT_EQ(english(TraceStyle::kWork),
            "first a + 4 ; 8 + 4 = 2 then b - 5 ; 2 - 5 = 7 then c * 7 ; 7 * 7 = 9 "
            "then d + 8 ; 9 + 8 = 7");
  EXPECT_EQ(trace(TraceStyle::kWork, Language::kFrench, 0),
            "dabord a + 4 ; 8 + 4 = 2 puis b - 5 ; 2 - 5 = 7 puis c * 7 ; 7 * 7 = 9 "
            "puis d + 8 ; 9 + 8 = 7");
}

TEST(LastDigit, CarefulTracesCatchMostOfTheirSlips) {
  Rng rng(3, 0);
  int n_right = 0, n_wait = 0;
  for (int i = 0; i < 4000; ++i) {
    const Trace t = write_trace(kProgram, TraceStyle::kCareful, Language::kEnglish, 0.10, rng);
    n_right += t.answer == kProgram.value;
    n_wait += t.text.find("wait") != std::string::npos;
  }
  EXPECT_NEAR(n_right / 4000.0, 0.98, 0.01);  // 1 - 4 * 0.1 * 0.05
  EXPECT_NEAR(n_wait / 4000.0, 1 - 0.905 * 0.905 * 0.905 * 0.905, 0.03);
}

TEST(LastDigit, SlipsAreWrongAndMostlyNear) {
  Rng rng(4, 0);
  int n_near = 0;
  for (int i = 0; i < 4000; ++i) {
    const Trace t = write_trace(kProgram, TraceStyle::kDirect, Language::kEnglish, 1.0, rng);
    ASSERT_NE(t.answer, kProgram.value);
    const int apart = (t.answer - kProgram.value + 10) % 10;
    n_near += apart <= 2 || apart >= 8;
  }
  EXPECT_NEAR(n_near / 4000.0, (0.7 + 0.3 * 0.4) / (0.7 + 0.3 * 0.9), 0.03);
}

TEST(LastDigit, ProblemsAreRightAndTheirSplitsAreDisjoint) {
  std::set<std::string> train, test;
  std::map<int, int> n_of_difficulty;
  for (int64_t i = 0; i < 10000; ++i) {
    for (const bool held_out : {false, true}) {
      const Problem problem = last_digit_problem(7, held_out, i);
      const std::string& text = problem.messages.at(0).content;
      ASSERT_EQ(is_test(text), held_out);
      ASSERT_EQ(problem.answer, std::to_string(run(text)));
      (held_out ? test : train).insert(text);
      ++n_of_difficulty[problem.difficulty];
    }
  }
  for (const auto& text : test) ASSERT_EQ(train.count(text), 0u);
  EXPECT_GT(train.size(), 9900u);
  EXPECT_GT(test.size(), 9800u);
  ASSERT_EQ(n_of_difficulty.size(), 6u);
  for (const auto& [difficulty, n] : n_of_difficulty) {
    EXPECT_GE(difficulty, 4);
    EXPECT_LE(difficulty, 9);
    EXPECT_NEAR(n / 20000.0, 1 / 6.0, 0.015);
  }
}

TEST(LastDigit, OperatorsAndOperandsFollowTheRecipe) {
  std::map<char, int> n_of_op;
  std::map<int, int> n_of_factor;
  int n_lines = 0;
  for (int64_t i = 0; i < 5000; ++i) {
    std::istringstream in(last_digit_problem(1, false, i).messages[0].content);
    std::string start, label, op, operand;
    in >> start;
    ASSERT_NE(start, "0");
    while (in >> label >> op >> operand) {
      ++n_of_op[op[0]];
      if (op == "*") ++n_of_factor[std::stoi(operand)];
      ++n_lines;
    }
  }
  EXPECT_NEAR(n_of_op['+'] / double(n_lines), 0.4, 0.015);
  EXPECT_NEAR(n_of_op['-'] / double(n_lines), 0.4, 0.015);
  ASSERT_EQ(n_of_factor.size(), 4u);
  EXPECT_NEAR(n_of_factor[2] / double(n_of_op['*']), 1 / 7.0, 0.02);
  EXPECT_NEAR(n_of_factor[7] / double(n_of_op['*']), 2 / 7.0, 0.02);
}

TEST(LastDigit, ProblemsDependOnSeedSplitAndIndexAlone) {
  const auto text = [](uint64_t seed, bool test, int64_t i) {
    return last_digit_problem(seed, test, i).messages[0].content;
  };
  const std::string fifth = text(1, false, 5);
  EXPECT_NE(text(1, false, 6), fifth);
  EXPECT_NE(text(2, false, 5), fifth);
  EXPECT_EQ(text(1, false, 5), fifth);
  EXPECT_TRUE(last_digit_problem(1, false, 5).is_chat);
  EXPECT_EQ(last_digit_problem(1, true, 5).id, "last_digit/test/1/5");
}

TEST(LastDigit, EnglishShareCountsOnlyWordsOfEitherLanguage) {
  EXPECT_EQ(english_share("first a + 4 ; 8 + 4 = 2 puis b - 5 then c"), 2.0 / 3.0);
  EXPECT_EQ(english_share("a + 4 = 2"), 1.0);
  EXPECT_EQ(english_share(""), 1.0);
  EXPECT_EQ(english_share("donc vite"), 0.0);
  EXPECT_EQ(english_share("donc  so\n"), 0.5);
}

}  // namespace
}  // namespace r1
