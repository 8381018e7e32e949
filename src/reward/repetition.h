// The repetition and reasoning-steps rewards.                              [open-r1, rewards.py]
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "reward/settings.h"

namespace r1 {

struct RepetitionOptions {
  int ngram_size = 3;
  double max_penalty = -1.0;
  bool ignore_numbers = false;
  void visit(auto&& f) {
    f("ngram_size", ngram_size, "words that repeat together");
    f("max_penalty", max_penalty, "the value of a text that only repeats itself");
    f("ignore_numbers", ignore_numbers, "any number counts as the same word (strict: always)");
  }
};

/// Words in lower case, without invisible characters and the punctuation around them; characters of
/// scripts without spaces stand alone, as do signs without a word; what is longer than 24
/// characters counts as pieces of 4.
/// Deviation from open-r1, which splits at white space and so never sees "no,no;no-no" repeat.
std::vector<std::string> repetition_words(std::string_view text, bool ignore_numbers);

/// max_penalty · (1 - different n-grams / n-grams): 0 for a text that never repeats n words.
Result<std::unique_ptr<const Reward>> make_repetition(const RewardSettings& settings);

/// Marked steps ("Step 1:", "2.", "- ", "First,", "Finally,") / 3, at most 1. Strict: steps with
/// fewer than four words, or with the words of an earlier one, do not count.
Verdict reasoning_steps(const Problem&, const Completion& completion, const RewardOptions& options);

}  // namespace r1
