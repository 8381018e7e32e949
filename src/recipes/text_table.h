// Tables as text: columns aligned for a terminal, or Markdown.
#pragma once

#include <string>
#include <vector>

namespace r1 {

using TextRow = std::vector<std::string>;

/// Rows as wide as the first, which names the columns; the first n_text columns to the left, the
/// others, of figures, to the right. markdown: between bars, with a rule below the names.
std::string text_table(const std::vector<TextRow>& rows, size_t n_text, bool markdown);

/// A text broken at blanks into lines of at most `columns`, each after the first with `indent`
/// blanks before it, which count.
std::string wrapped(const std::string& text, size_t columns, size_t indent);

}  // namespace r1
