// The format rewards: 1 when thought and answer stand in their tags, else 0. Strict: a part of dots
// and dashes is empty too.
#pragma once

#include "base/error.h"
#include "reward/settings.h"

namespace r1 {

/// R1-Zero: <think> thought </think> <answer> answer </answer>; each tag once and in this order,
/// neither part blank, nothing but white space outside, and ended by the model itself.
Verdict format_zero(const Problem&, const Completion& completion, const RewardOptions& options);

/// R1: <think> thought </think> and then any text (not answer tags alone); each tag once, neither
/// part blank.
Verdict format_r1(const Problem&, const Completion& completion, const RewardOptions& options);

/// open-r1: exactly <think>\n…\n</think>\n<answer>\n…\n</answer>, nothing around.
Verdict format_open_r1(const Problem&, const Completion& completion, const RewardOptions& options);

/// open-r1's tag count: 0.25 for each of "<think>\n", "\n</think>\n", "\n<answer>\n", "\n</answer>"
/// that occurs once. Strict: 1 only for what format_zero pays for, else 0.75 at most.
Verdict format_tag_count(const Problem&, const Completion& completion,
                         const RewardOptions& options);

struct FormatOptions {
  std::string preset = "zero";
  void visit(auto&& f) { f("preset", preset, "zero, r1, open_r1 or tag_count"); }
};
Result<std::unique_ptr<const Reward>> make_format(const RewardSettings& settings);

}  // namespace r1
