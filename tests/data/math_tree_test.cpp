// The math compiler's syntax trees: how they are written, and that writing keeps their value.
#include "data/math_tree.h"

#include <gtest/gtest.h>

#include "data/math_problem.h"
#include "math/verify.h"

namespace r1 {
namespace {

TEST(MathTree, IsWrittenWithTheBracketsItNeeds) {
  MathTree tree;
  const int a = tree.number(12), b = tree.number(7), c = tree.number(3), d = tree.number(1);
  const int difference = tree.apply('-', c, d);
  const int product = tree.apply('*', b, difference);
  const int sum = tree.apply('+', a, product);
  EXPECT_EQ(write_tree(tree, sum), "12 + 7 * (3 - 1)");
  EXPECT_EQ(tree.value().text(), "26");
  EXPECT_EQ(steps_of(tree, sum), (std::vector<int>{difference, product, sum}));
  std::vector<std::optional<Rational>> known(tree.nodes.size());
  known[static_cast<size_t>(difference)] = Rational(2);
  EXPECT_EQ(write_tree(tree, sum, known), "12 + 7 * 2");
}

TEST(MathTree, KeepsTheOrderOfEqualStrengths) {
  MathTree tree;
  const int a = tree.number(9), b = tree.number(5), c = tree.number(2);
  const int inner = tree.apply('-', b, c);
  tree.apply('-', a, inner);
  EXPECT_EQ(write_tree(tree, tree.root()), "9 - (5 - 2)");
  MathTree left;
  const int x = left.number(9), y = left.number(5);
  const int first = left.apply('-', x, y);
  left.apply('-', first, left.number(2));
  EXPECT_EQ(write_tree(left, left.root()), "9 - 5 - 2");
}

TEST(MathTree, WritesNegativeNumbersAndFractionsInBrackets) {
  EXPECT_EQ(write_operation('+', Rational(5), Rational(-3)), "5 + (-3)");
  EXPECT_EQ(write_operation('*', Rational(-5), Rational(3)), "-5 * 3");
  EXPECT_EQ(write_operation('^', Rational(-5), Rational(2)), "(-5) ^ 2");
  EXPECT_EQ(write_operation('/', Rational(2), Rational(3, 4)), "2 / (3/4)");
  EXPECT_EQ(write_operation('+', Rational(1, 2), Rational(3, 4)), "1/2 + 3/4");
  EXPECT_EQ(write_operation('*', Rational(1, 2), Rational(3, 4)), "1/2 * (3/4)");
  EXPECT_EQ(write_operation('^', Rational(1, 2), Rational(2)), "(1/2) ^ 2");
}

TEST(MathTree, ADivisionByZeroHasNoValue) {
  MathTree tree;
  const int a = tree.number(1), b = tree.number(0);
  EXPECT_EQ(tree.apply('/', a, b), -1);
}

// The written text is read back by another program of ours (math/parse) and has the same value.
TEST(MathTree, WhatIsWrittenHasTheTreesValue) {
  for (int level = 1; level <= kMathLevels; ++level) {
    Rng rng(7, static_cast<uint64_t>(level));
    for (int i = 0; i < 60; ++i) {
      const MathTree tree = draw_expression(level, rng);
      const std::string text = write_tree(tree, tree.root());
      EXPECT_TRUE(verify_answer(tree.value().text(), "\\boxed{" + text + "}").equal)
          << text << " = " << tree.value().text();
    }
  }
}

}  // namespace
}  // namespace r1
