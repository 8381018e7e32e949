// Worked thoughts: one line for each step of a syntax tree, with slips that are noticed and mended.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "data/math_tree.h"

namespace r1 {

/// rewrite: also what is left of the expression after each step; careful: also checks by the
/// opposite operation.
enum class MathStyle { kWork, kRewrite, kCareful };

struct MathTrace {
  std::string text;  // lines
  int n_steps = 0, n_slips = 0;
};

struct MathTraceOptions {
  MathStyle style = MathStyle::kWork;
  std::string_view language = "en";
  double slip_rate = 0;  // chance of a wrong result at each step; it is mended at once or a step on
};

/// `work`: a story's sentence for each step (MathStory); empty for an expression. The thought ends
/// with the tree's value: every line that is not mended is exact.
MathTrace write_math_trace(const MathTree& tree, const std::vector<std::string>& work,
                           const MathTraceOptions& options, Rng& rng);

}  // namespace r1
