// Reads an answer, in LaTeX or plain text, into a tree.
#pragma once

#include <optional>
#include <string_view>

#include "math/expression.h"
#include "math/lexer.h"

namespace r1 {

/// The root of the tree, or nothing when the text is no answer that we can read, is longer than
/// 2,000 characters or nests deeper than 100 brackets. Time is linear in the text.
std::optional<int> parse_answer(Expressions& out, std::string_view text,
                                Comma comma = Comma::kThousands);

}  // namespace r1
