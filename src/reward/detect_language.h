// Which language a text is in: by CLD2, and by what scripts its letters are of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace r1 {

/// A stretch of a text in one language.
struct LanguageSpan {
  size_t begin = 0, end = 0;  // bytes
  std::string code;           // "en", "zh"; "" when CLD2 is not sure
};

/// The stretches of valid UTF-8, in order. `hint` is the language to be expected, or "".
std::vector<LanguageSpan> language_spans(std::string_view text, const std::string& hint);

/// The language of a whole text: CLD2's verdict, or that of its script when it is too short for
/// one; "" when it has no letters.
std::string language_of(std::string_view text);

inline constexpr int kMixedScript = -100;  // no code of ICU's

/// A word: a run of letters, or one character of a script that does without spaces.
struct ScriptWord {
  size_t begin = 0, end = 0;  // bytes
  int script = 0;             // ICU's, or kMixedScript when its letters are of several
  int n_letters = 0;
};
std::vector<ScriptWord> script_words(std::string_view text);

/// Whether a language is written in that script.
bool writes_in(const std::string& language, int script);

/// Language codes that a reward may aim at, for messages.
std::string known_languages();
bool is_known_language(const std::string& code);

}  // namespace r1
