// The regex reward: a pattern that the answer, or another part of the completion, must match.
#pragma once

#include "base/error.h"
#include "reward/settings.h"

namespace r1 {

struct RegexOptions {
  std::string pattern = "{answer}";
  std::string where = "answer";
  bool whole = true;
  void visit(auto&& f) {
    f("pattern", pattern, "PCRE2; {answer} stands for the reference, taken literally");
    f("where", where, "what must match: answer, said (after the thought), thought or text");
    f("whole", whole, "the whole of it, not a part");
  }
};

/// 1 when the pattern matches. Matching is bounded in steps, depth and memory; a pattern that
/// exceeds them does not match, and the reason says so.
Result<std::unique_ptr<const Reward>> make_regex(const RewardSettings& settings);

}  // namespace r1
