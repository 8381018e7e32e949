// How many words of a text are in which language: for watching a run, not for paying it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "data/problem.h"

namespace r1 {

/// What counts as keeping to one language: this share of the words.
inline constexpr double kOneLanguage = 0.98;

struct LanguageMix {
  std::map<std::string, int64_t> words;  // by language code; "?" where it is not known

  int64_t n_words() const;
  /// The share of the commonest language; 0 without words.
  double largest_share() const;
  bool has_one_language() const { return n_words() > 0 && largest_share() >= kOneLanguage; }
  void add(const LanguageMix& other);
};

/// Of a prose text: code, LaTeX and single letters are no words. A word's language is CLD2's for
/// its stretch, or else the whole text's where that is written in its script, or else "?".
LanguageMix language_mix(std::string_view text);

/// Of a completion: of its thought where it has one. The built-in task's words are English or
/// French by its own list, and where none of them occurs, by the thought as prose; which task it
/// is, is seen by the prompt.
LanguageMix language_mix_of(const Problem& problem, std::string_view completion);

}  // namespace r1
