#include "math/verify.h"

#include <gtest/gtest.h>
#include <time.h>

#include <string>
#include <thread>
#include <vector>

#include "math/number.h"
#include "math/pairs.h"

namespace r1 {
namespace {

std::string boxed(const std::string& answer) { return "So it is $\\boxed{" + answer + "}$."; }

template <size_t N>
void expect_verdicts(const AnswerPair (&pairs)[N]) {
  for (const AnswerPair& pair : pairs) {
    const MathVerdict verdict = verify_answer(pair.gold, boxed(pair.answer));
    EXPECT_EQ(verdict.equal, pair.equal)
        << pair.gold << " against " << pair.answer << ": read as " << verdict.gold << " and "
        << verdict.answer << ", " << verdict.reason;
    EXPECT_EQ(verify_answer(boxed(pair.answer), pair.gold).equal, pair.equal)
        << pair.gold << " against " << pair.answer << ", turned";
    EXPECT_TRUE(verdict.valid);
    EXPECT_FALSE(verdict.reason.empty());
  }
}

TEST(VerifyAnswer, NumbersInEveryDressCompareExactly) { expect_verdicts(kNumberPairs); }
TEST(VerifyAnswer, FormulasCompareInValue) { expect_verdicts(kFormulaPairs); }
TEST(VerifyAnswer, ListsSetsIntervalsAndRelationsComparePartByPart) {
  expect_verdicts(kShapePairs);
}

TEST(VerifyAnswer, EveryReferenceEqualsItself) {
  const auto check = [](const auto& pairs) {
    for (const AnswerPair& pair : pairs) {
      EXPECT_TRUE(verify_answer(pair.gold, boxed(pair.gold)).equal) << pair.gold;
      EXPECT_TRUE(verify_answer(pair.answer, boxed(pair.answer)).equal) << pair.answer;
    }
  };
  check(kNumberPairs);
  check(kFormulaPairs);
  check(kShapePairs);
}

TEST(VerifyAnswer, OptionsDecideWhatIsAQuestionOfTaste) {
  EXPECT_TRUE(verify_answer("1, 2", "\\boxed{2, 1}").equal);
  EXPECT_FALSE(verify_answer("1, 2", "\\boxed{2, 1}", {.ordered_lists = true}).equal);
  EXPECT_TRUE(verify_answer("10", "\\boxed{10\\%}").equal);
  EXPECT_FALSE(verify_answer("10", "\\boxed{10\\%}", {.percent_is_number = false}).equal);
  EXPECT_TRUE(verify_answer("10 cm", "\\boxed{10}").equal);
  EXPECT_FALSE(verify_answer("10 cm", "\\boxed{10}", {.units_matter = true}).equal);
  EXPECT_FALSE(verify_answer("\\pi", "\\boxed{3.142}").equal);
  EXPECT_TRUE(verify_answer("\\pi", "\\boxed{3.142}", {.min_digits = 4}).equal);
}

TEST(VerifyAnswer, SimplifiedRefusesWhatIsLeftToDo) {
  const MathOptions worked_out = {.simplified = true};
  for (const char* answer :
       {"2+3", "10/2", "\\frac{10}{2}", "5!/4!", "\\sqrt{25}", "5^1", "2^2+1"}) {
    EXPECT_FALSE(verify_answer("5", boxed(answer), worked_out).equal) << answer;
  }
  for (const char* answer : {"5", "5.0", "\\$5", "5 \\text{ cm}", "-(-5)"}) {
    EXPECT_TRUE(verify_answer("5", boxed(answer), worked_out).equal) << answer;
  }
  EXPECT_TRUE(verify_answer("\\frac52", boxed("2\\frac12"), worked_out).equal);
  EXPECT_TRUE(verify_answer("\\frac52", boxed("-\\frac{-5}{2}"), worked_out).equal);
  EXPECT_TRUE(verify_answer("2500", boxed("2.5\\times 10^3"), worked_out).equal);
}

TEST(VerifyAnswer, NoReferenceIsNoVerdict) {
  EXPECT_FALSE(verify_answer("", "\\boxed{5}").valid);
  EXPECT_FALSE(verify_answer("  ", "\\boxed{5}").valid);
}

std::string repeat(const std::string& part, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += part;
  return out;
}

double cpu_ms() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

std::vector<std::string> bombs() {
  return {"\\boxed{2^(2^(2^20))}",
          "\\boxed{\\dfrac{5^{(5^{(5^{(5^5)})}-4)}-5}{16}}",
          "\\boxed{10^{10^{10}}}",
          "\\boxed{(10^9)!}",
          "\\boxed{\\binom{10^8}{10^7}}",
          "\\boxed{1e999999999}",
          repeat("(", 1000000),
          "\\boxed{" + repeat("(", 1000000) + "1" + repeat(")", 1000000) + "}",
          "\\boxed{" + repeat("(", 900) + "1" + repeat(")", 900) + "}",
          repeat("\\boxed{", 150000),
          repeat("\\boxed{1}", 100000),
          repeat("$", 1000000),
          repeat("7", 1000000),
          repeat("\\", 1000000),
          "\\boxed{" + repeat("\\frac{1}{", 95) + "x" + repeat("}", 95) + "}",
          "\\boxed{" + repeat("\\sin ", 350) + "x}",
          "\\boxed{" + repeat("\\sin x+", 280) + "1}",
          "\\boxed{" + repeat("e^", 600) + "x}",
          "\\boxed{" + repeat("(a+b+c+d+x+y)", 150) + "}",
          "\\boxed{(a+b+c+d+x+y+z+w)^{40}}",
          "\\boxed{" + repeat("1\\pm ", 300) + "1}",
          "\\boxed{" + repeat("x/", 900) + "1}",
          "\\boxed{3000" + repeat("!", 900) + "}",
          "\\boxed{" + repeat("1399!/1398!+", 150) + "1}",
          "\\boxed{" + repeat("\\sqrt{2},\\sqrt{3},", 110) + "1}",
          "\\boxed{" + repeat("(1,2)\\cup", 150) + "(1,2)}",
          "\\boxed{\\begin{pmatrix}" + repeat("1&", 900) + "\\end{pmatrix}}",
          repeat("the answer is ", 70000),
          repeat("<think>", 140000),
          repeat("\xff\xfe\x80", 300000),
          std::string(1000000, '\0')};
}

TEST(VerifyAnswer, NothingTakesLong) {
  constexpr double kWorst = 20;  // ms; optimised builds take a third of it at most
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
  constexpr double kSlack = 20;
#else
  constexpr double kSlack = 1;
#endif
  for (const std::string& bomb : bombs()) {
    for (const std::string& gold : {std::string("5"), std::string("x+\\sqrt2"), bomb}) {
      const double begin = cpu_ms();
      const MathVerdict verdict = verify_answer(gold, bomb);
      EXPECT_LT(cpu_ms() - begin, kWorst * kSlack) << bomb.substr(0, 40);
      EXPECT_FALSE(verdict.equal && gold != bomb) << bomb.substr(0, 40);
    }
  }
}

TEST(VerifyAnswer, EveryThreadSaysTheSame) {
  const auto judge_all = [] {
    std::string verdicts;
    for (const AnswerPair& pair : kFormulaPairs) {
      const MathVerdict verdict = verify_answer(pair.gold, boxed(pair.answer));
      verdicts += verdict.reason + verdict.gold + verdict.answer + (verdict.equal ? "1" : "0");
    }
    return verdicts;
  };
  const std::string expected = judge_all();
  std::vector<std::string> found(4);
  std::vector<std::thread> threads;
  for (std::string& own : found) {
    threads.emplace_back([&] {
      for (int round = 0; round < 3; ++round) own = judge_all();
      release_math_memory();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& own : found) EXPECT_EQ(own, expected);
}

}  // namespace
}  // namespace r1
