// The units an answer may carry, and words that are functions or letters.
#pragma once

#include <string>
#include <string_view>

namespace r1 {

/// The unit's usual short name: "cm" of centimeters, "dollar" of dollars; "" for other words.
std::string unit_of(std::string_view word);

/// sin, log, gcd …: names that take an argument.
bool is_function_name(std::string_view word);

/// Greek letters written out, as commands or words.
bool is_greek(std::string_view word);

std::string lower_case(std::string_view text);

/// Words in lower case with single spaces and without punctuation; "(C)" is "c".
std::string plain_words(std::string_view text);

}  // namespace r1
