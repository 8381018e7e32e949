// Prose without its code and formulas.
#pragma once

#include <string>
#include <string_view>

namespace r1 {

/// The text with code (``` and `), LaTeX ($, $$, \( \), \[ \], environments, commands) and
/// addresses blanked out by spaces, byte for byte: places stay what they are. Letters of other
/// scripts than Latin and Greek stay, wherever they stand: nothing hides from the language reward
/// in a formula.
std::string without_code_and_latex(std::string_view text);

}  // namespace r1
