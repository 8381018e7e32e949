// Text for pages: outside text made harmless, and numbers written for people.
#pragma once

#include <string>
#include <string_view>

namespace r1 {

/// Text as HTML or SVG text or attribute value: & < > " ' become entities; bytes that are not UTF-8
/// and control characters (other than tab and newline) become U+FFFD.
std::string escape_html(std::string_view text);

/// Escaped, with numbers kept on one line with what belongs to them: "96.7 ± 0.3 %".
std::string escape_prose(std::string_view text);

/// Code points of UTF-8 text: the columns it takes, near enough for tables and labels.
size_t text_columns(std::string_view text);

/// The first `columns` code points, the last of them "…" when something was cut.
std::string cut_text(std::string_view text, size_t columns);

/// 0.0723 -> "7.2 %"; "–" when it is not a number.
std::string percent_text(double share, int decimals = 1);

/// About three significant digits: 0.954, 70.6, 12k, 4.1M, 7e-4; "–" when it is not a number.
std::string compact_text(double value);

}  // namespace r1
