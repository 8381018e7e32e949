// The language rewards: the share of the target language in the thought.
#pragma once

#include "base/error.h"
#include "reward/settings.h"

namespace r1 {

/// The built-in task's: English words / (English + French words) of the completion; 1 when there
/// are none of either (strict: 0 without an English word).
Verdict last_digit_language(const Problem&, const Completion& completion,
                            const RewardOptions& options);

struct LanguageOptions {
  std::string target;  // "": the prompt's
  std::string where = "thought";
  void visit(auto&& f) {
    f("target", target, "language code such as en or zh; none: the prompt's language");
    f("where", where, "thought, or text for the whole completion");
  }
};

/// Words of the target language / words, of the thought alone.       [DeepSeek-AI 2025, 2.3.2]
/// A word belongs to the target when its script does and CLD2 does not say that its stretch is in
/// another language. Code, LaTeX, numbers and, for targets in other scripts, Latin words of up to
/// two letters (names of variables) are no words. A thought without words is worth 0. The paper
/// does not publish how words are told apart.
Result<std::unique_ptr<const Reward>> make_language(const RewardSettings& settings);

}  // namespace r1
