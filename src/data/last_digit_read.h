// Reading a problem of the built-in task back.
#pragma once

#include <optional>
#include <string_view>

#include "data/last_digit.h"

namespace r1 {

/// The program of a rendered problem; nothing for any other text.
std::optional<LastDigitProgram> parse_last_digit(std::string_view problem);

}  // namespace r1
