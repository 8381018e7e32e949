// Small looks at text that the reward functions share.
#pragma once

#include <string_view>

namespace r1 {

inline constexpr std::string_view kAsciiSpace = " \t\r\n\v\f";

std::string_view trim_space(std::string_view text);

int count_of(std::string_view text, std::string_view word);

/// Nothing to see: only white space, Unicode's spaces and zero-width characters included.
bool is_blank(std::string_view text);

}  // namespace r1
