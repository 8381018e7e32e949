// The math compiler: exact problems by level, each with a worked, verified thought.
//
// A problem is drawn as a syntax tree (data/math_tree.h), told as an expression or as a story, and
// compiled into one worked line a step. Everything is keyed by (seed, index).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "data/math_trace.h"

namespace r1 {

inline constexpr int kMathLevels = 5;

struct MathConfig {
  std::vector<double> levels = {1, 2, 3, 4, 5};
  std::vector<std::string> kind = {"expression", "story"};
  std::vector<std::string> language = {"en"};
  std::vector<std::string> style = {"work", "rewrite", "careful"};
  std::string format = "r1";
  double slip_rate = 0.1;
  std::string split = "train";
  uint64_t seed = 0;

  void visit(auto&& f) {
    f("levels", levels,
      "1 to 5: number of steps, size of numbers, then brackets, powers, fractions");
    f("kind", kind, "expression, story (word problems), or both");
    f("language", language, "en, fr, or both");
    f("style", style,
      "work (one line a step), rewrite (and what is left of an expression), careful (and checks)");
    f("format", format,
      "r1 (<think> and a \\boxed answer), zero (<think> and <answer>) or open_r1 (with its line "
      "breaks)");
    f("slip_rate", slip_rate,
      "chance of a wrong result at each step, which the thought notices and mends");
    f("split", split, "train or test: no problem of one is in the other");
    f("seed", seed, "same seed, same rows");
  }
  Result<void> validate() const;
};

struct MathProblem {
  std::string id, question, answer;
  std::string thought, completion;  // completion: the thought and the answer in their format
  std::string kind, language, style;
  int level = 0;
  MathTrace trace;
  MathTree tree;
};

/// Problem `index`; what is listed more than once (levels, kinds, …) is drawn for each. The config
/// is valid.
MathProblem make_math_problem(const MathConfig& config, int64_t index);

/// An expression of a level: whole numbers above zero (1 to 3), any whole numbers (4), fractions
/// (5).
MathTree draw_expression(int level, Rng& rng);

}  // namespace r1
