// Small looks at text that the reward functions share.
#pragma once

#include <string>
#include <string_view>

namespace r1 {

inline constexpr std::string_view kAsciiSpace = " \t\r\n\v\f";

std::string_view trim_space(std::string_view text);

int count_of(std::string_view text, std::string_view word);

/// The text without any occurrence of the word.
std::string without(std::string_view text, std::string_view word);

/// Nothing to see: only white space of any script, control, zero-width and ignorable characters.
bool is_blank(std::string_view text);

/// A letter or a digit of any script occurs.
bool has_word(std::string_view text);

}  // namespace r1
