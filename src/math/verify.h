// Judges a model's answer against a reference: the whole way from text to verdict.
#pragma once

#include <string>
#include <string_view>

#include "math/options.h"

namespace r1 {

struct MathVerdict {
  bool equal = false;
  std::string reason = {};             // how it was decided
  std::string gold = {}, answer = {};  // as extracted, in normal form
  bool valid = true;                   // false: there is no reference to judge by
};

/// Never hangs and never fails: its work is bounded whatever the texts say. Any thread may call it;
/// a thread that ends afterwards calls release_math_memory().
MathVerdict verify_answer(std::string_view gold, std::string_view completion,
                          const MathOptions& options = {});

}  // namespace r1
