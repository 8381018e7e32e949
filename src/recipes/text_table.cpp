#include "recipes/text_table.h"

#include <algorithm>

#include "base/error.h"
#include "recipes/html.h"

namespace r1 {

std::string text_table(const std::vector<TextRow>& rows, size_t n_text, bool markdown) {
  CHECK(!rows.empty(), "text_table: no row");
  std::vector<size_t> widths(rows[0].size(), 3);
  for (const TextRow& row : rows) {
    CHECK(row.size() == widths.size(), "text_table: {} of {} columns", row.size(), widths.size());
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], text_columns(row[c]));
  }
  std::string text;
  for (size_t r = 0; r < rows.size(); ++r) {
    if (markdown) text += "|";
    for (size_t c = 0; c < rows[r].size(); ++c) {
      const std::string space(widths[c] - text_columns(rows[r][c]), ' ');
      const std::string cell = c < n_text ? rows[r][c] + space : space + rows[r][c];
      text += markdown ? " " + cell + " |" : (c > 0 ? "  " : "") + cell;
    }
    while (!markdown && text.ends_with(' ')) text.pop_back();
    text += "\n";
    if (r > 0 || !markdown) continue;
    text += "|";
    for (size_t c = 0; c < widths.size(); ++c) text += c < n_text ? " --- |" : " ---: |";
    text += "\n";
  }
  return text;
}

std::string wrapped(const std::string& text, size_t columns, size_t indent) {
  std::string out;
  size_t used = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (used > 0 && used + 1 + text_columns(word) > columns) {
      out += "\n" + std::string(indent, ' ') + word;
      used = indent + text_columns(word);
    } else {
      out += (at > 0 ? " " : "") + word;
      used += (at > 0 ? 1 : 0) + text_columns(word);
    }
    at = end + 1;
  }
  return out;
}

}  // namespace r1
