// Equality over generated formulas: reflexive, symmetric, and blind to how a formula is written.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "math/verify.h"

namespace r1 {
namespace {

/// A formula as a tree that ten hands write down.
struct Formula {
  char op = 'n';  // n: number, x: symbol, + * / ^ r (square root)
  int value = 0;
  std::vector<Formula> args = {};
};

Formula make_formula(std::mt19937& random, int depth) {
  const auto draw = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  const int kind = depth == 0 ? draw(2) : draw(7);
  if (kind == 0) return {'n', 1 + draw(40)};
  if (kind == 1) return {'x', draw(3)};
  if (kind == 5) return {'^', 2 + draw(2), {make_formula(random, depth - 1)}};
  if (kind == 6) return {'r', 0, {make_formula(random, depth - 1)}};
  const char op = kind == 2 ? '+' : kind == 3 ? '*' : '/';
  return {op, 0, {make_formula(random, depth - 1), make_formula(random, depth - 1)}};
}

/// Each of the ten styles combines signs, brackets, order, spacing and commands in its own way.
std::string write(const Formula& f, int style) {
  const bool is_latex = style % 2 == 0, is_turned = style == 3 || style == 6 || style == 9;
  const std::string gap = style >= 5 ? " " : "";
  const auto in = [&](const Formula& inner) {
    const std::string text = write(inner, style);
    if (style == 8) return "{(" + text + ")}";
    return is_latex && style > 3 ? "\\left(" + text + "\\right)" : "(" + text + ")";
  };
  switch (f.op) {
    case 'n':
      return std::to_string(f.value) + (style == 7 ? ".0" : "");
    case 'x':
      return std::string(1, "xyz"[f.value]);
    case '+':
      return in(f.args[is_turned]) + gap + "+" + gap + in(f.args[!is_turned]);
    case '*': {
      const std::string sign = is_latex     ? style == 2 ? "\\times " : "\\cdot "
                               : style == 5 ? ""
                                            : "*";
      return in(f.args[is_turned]) + gap + sign + gap + in(f.args[!is_turned]);
    }
    case '/':
      if (!is_latex) return in(f.args[0]) + gap + "/" + gap + in(f.args[1]);
      return (style == 4 ? "\\dfrac{" : "\\frac{") + write(f.args[0], style) + "}{" +
             write(f.args[1], style) + "}";
    case '^': {
      const std::string power = std::to_string(f.value);
      return in(f.args[0]) + (is_latex     ? "^{" + power + "}"
                              : style == 1 ? "**" + power
                                           : "^" + power);
    }
    default:
      return is_latex ? "\\sqrt{" + write(f.args[0], style) + "}"
                      : "sqrt(" + write(f.args[0], style) + ")";
  }
}

TEST(Equality, IsReflexiveAndBlindToTenRenderings) {
  std::mt19937 random(7);
  for (int n = 0; n < 150; ++n) {
    const Formula formula = make_formula(random, 3);
    const std::string gold = write(formula, 0);
    for (int style = 0; style < 10; ++style) {
      const std::string answer = write(formula, style);
      const MathVerdict verdict = verify_answer(gold, "\\boxed{" + answer + "}");
      EXPECT_TRUE(verdict.equal) << gold << " against " << answer << ": " << verdict.gold << " and "
                                 << verdict.answer << ", " << verdict.reason;
    }
  }
}

TEST(Equality, IsSymmetricAndItsVerdictBlindToTenRenderings) {
  std::mt19937 random(8);
  int n_equal = 0;
  for (int n = 0; n < 150; ++n) {
    const Formula a = make_formula(random, 2), b = make_formula(random, 2);
    const bool expected = verify_answer(write(a, 0), "\\boxed{" + write(b, 0) + "}").equal;
    n_equal += expected;
    for (int style = 0; style < 10; ++style) {
      const std::string x = write(a, style), y = write(b, 9 - style);
      EXPECT_EQ(verify_answer(x, "\\boxed{" + y + "}").equal, expected) << x << " against " << y;
      EXPECT_EQ(verify_answer(y, "\\boxed{" + x + "}").equal, expected) << y << " against " << x;
    }
  }
  EXPECT_LT(n_equal, 75);
}

TEST(Equality, OfOneChangedNumberIsLost) {
  std::mt19937 random(9);
  for (int n = 0; n < 100; ++n) {
    const Formula formula = make_formula(random, 3);
    const std::string gold = write(formula, 2);
    const std::string answer = gold + " + " + std::to_string(1 + n % 5);
    EXPECT_FALSE(verify_answer(gold, "\\boxed{" + answer + "}").equal) << gold;
  }
}

}  // namespace
}  // namespace r1
