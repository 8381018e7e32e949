// What the files of the built-in task share: drawing a program of one split, and a word of a
// language.
#pragma once

#include <string>
#include <string_view>

#include "data/last_digit.h"
#include "data/last_digit_words.h"

namespace r1 {

struct DrawnProgram {
  LastDigitProgram program;
  std::string text;  // rendered
};
DrawnProgram draw_program(bool test, Rng& rng);

std::string_view draw_word(Word word, Language language, Rng& rng);

}  // namespace r1
