#include "reward/number.h"

#include <gtest/gtest.h>

#include "reward/answer.h"

namespace r1 {
namespace {

TEST(ParseNumber, ReadsOneNumberInAllItsDress) {
  const auto expect = [](const char* text, const char* canonical) {
    ASSERT_TRUE(parse_number(text)) << text;
    EXPECT_EQ(canonical_answer(text), canonical) << text;
  };
  expect("7", "7");
  expect(" 007 ", "7");
  expect("+7.", "7");
  expect("-0", "0");
  expect("- 7", "-7");
  expect("\u22127", "-7");
  expect("1,234,567", "1234567");
  expect("12.50", "25/2");
  expect(".5", "1/2");
  expect("3/4", "3/4");
  expect("6 / 8", "3/4");
  expect("-6/8", "-3/4");
  expect("\\frac{6}{8}", "3/4");
  expect("-\\dfrac{-1}{2}", "1/2");
  expect("$5", "5");
  expect("\\$1,000.00", "1000");
  expect("-$5", "-5");
  expect("50%", "50");
  expect("50\\%", "50");
  expect("$7$", "7");
  expect("\\(7\\)", "7");
  expect("0.10", "1/10");
}

TEST(ParseNumber, RefusesWhatIsNotOneNumber) {
  for (const char* text : {"",
                           " ",
                           "-",
                           "$",
                           "%",
                           ".",
                           "7 8",
                           "7,8",
                           "7, 8",
                           "1,23",
                           "12,34,567",
                           "1,2345",
                           "1234,567",
                           "1.2.3",
                           "1/0",
                           "1/2/3",
                           "--7",
                           "+-7x",
                           "7a",
                           "x",
                           "1e3",
                           "0x10",
                           "\\frac{1}{0}",
                           "\\frac{1}",
                           "\\frac12",
                           "\uFF17",
                           "\u0667",
                           "1/-2",
                           "\\frac{7}{",
                           "7%%"}) {
    EXPECT_FALSE(parse_number(text)) << text;
  }
}

TEST(ParseNumber, IsExactForAnySizeWithinABound) {
  const std::string past_128_bits = "170141183460469231731687303715884105728";  // 2^127
  EXPECT_EQ(canonical_answer(past_128_bits), past_128_bits);
  EXPECT_EQ(canonical_answer("-" + past_128_bits), "-" + past_128_bits);
  EXPECT_FALSE(answers_equal(past_128_bits, past_128_bits + ".5"));
  EXPECT_TRUE(parse_number("0." + std::string(60, '3')));
  EXPECT_EQ(canonical_answer("0.5" + std::string(60, '0')), "1/2");
  EXPECT_FALSE(parse_number(std::string(3000, '9')));
  EXPECT_FALSE(parse_number("0." + std::string(3000, '3')));
}

TEST(AnswersEqual, ComparesExactlyAndFallsBackToText) {
  EXPECT_TRUE(answers_equal("0.5", "1/2"));
  EXPECT_TRUE(answers_equal("$1,000", "1000.00"));
  EXPECT_FALSE(answers_equal("0.333333", "1/3"));
  EXPECT_FALSE(answers_equal("-7", "7"));
  EXPECT_TRUE(answers_equal(" $x^2$ ", "x^2"));
  EXPECT_FALSE(answers_equal("x^2", "7"));
  EXPECT_FALSE(answers_equal("", ""));
  const std::string big(50, '9');
  EXPECT_TRUE(answers_equal(big, big));
  EXPECT_FALSE(answers_equal(big, big + "9"));
}

TEST(ReferenceAnswer, ReadsSolutionsOfMathAndGsm8k) {
  EXPECT_EQ(reference_answer("Thus $x = \\boxed{\\frac{1}{2}}$."), "\\frac{1}{2}");
  EXPECT_EQ(reference_answer("so 72\n#### 72"), "72");
  EXPECT_EQ(reference_answer(" 72 "), "72");
}

}  // namespace
}  // namespace r1
