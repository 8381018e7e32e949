// Where answers may stand in a text: boxes, formulas, numbers, phrases. One pass each.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace r1 {

struct TextSpan {
  size_t begin = 0, end = 0;  // with what marks it: $…$, \boxed{…}
  std::string_view inside;
};

/// Every \boxed{…} or \fbox{…} not inside another; is_open: the last one never closes.
std::vector<TextSpan> boxes_of(std::string_view text, bool& is_open);

/// $…$, $$…$$, \(…\), \[…\]; a lone $ before an amount is no formula.
std::vector<TextSpan> formulas_of(std::string_view text);

/// The last number as written: -1,234.50  3/4  12%; not one glued to a letter.
std::optional<TextSpan> last_number(std::string_view text);
std::optional<TextSpan> first_number(std::string_view text);

/// What stands behind the last phrase that announces an answer.
std::optional<std::string_view> after_answer_phrase(std::string_view text);

std::string_view trim_text(std::string_view text);

}  // namespace r1
