// Exact numbers: what an answer is as a fraction, whatever its notation.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "math/number.h"

namespace r1 {

/// A whole text as an exact number: 1,234  -3.50  +7  007  $5  50%  3/4  \frac{3}{4}  $7$. A
/// percent sign and a currency sign are dropped. Nothing for lists, words, other digits than ASCII,
/// or more digits than Rational takes.
std::optional<Rational> parse_number(std::string_view text);

/// One text for all ways to write the same number; other answers only lose space and $…$.
std::string canonical_answer(std::string_view answer);

/// Equal as exact numbers, or else equal as texts without space around.
bool answers_equal(std::string_view answer, std::string_view reference);

}  // namespace r1
