#include "reward/text_scan.h"

#include <array>

namespace r1 {

std::string_view trim_space(std::string_view text) {
  const size_t first = text.find_first_not_of(kAsciiSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kAsciiSpace) - first + 1);
}

int count_of(std::string_view text, std::string_view word) {
  int n = 0;
  for (size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + word.size())) {
    ++n;
  }
  return n;
}

bool is_blank(std::string_view text) {
  // U+00A0, U+2000 … U+200F, U+2028, U+2029, U+202F, U+205F, U+2060, U+3000, U+FEFF
  static constexpr std::array<std::string_view, 24> kWide = {
      "\u00A0", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
      "\u2007", "\u2008", "\u2009", "\u200A", "\u200B", "\u200C", "\u200D", "\u200E",
      "\u200F", "\u2028", "\u2029", "\u202F", "\u205F", "\u2060", "\u3000", "\uFEFF"};
  while (!(text = trim_space(text)).empty()) {
    size_t length = 0;
    for (std::string_view space : kWide) {
      if (text.starts_with(space)) length = space.size();
    }
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace r1
