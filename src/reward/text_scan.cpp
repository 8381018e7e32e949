#include "reward/text_scan.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>

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

std::string without(std::string_view text, std::string_view word) {
  std::string result;
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word)) {
    result += text.substr(0, at);
    text.remove_prefix(at + word.size());
  }
  return result += text;
}

bool is_blank(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    if (kAsciiSpace.find(text[at]) != std::string_view::npos) {
      ++at;
      continue;
    }
    UChar32 c = 0;
    int32_t i = 0;
    const auto* bytes = reinterpret_cast<const uint8_t*>(text.data() + at);
    U8_NEXT(bytes, i, static_cast<int32_t>(std::min<size_t>(4, text.size() - at)), c);
    const bool is_unseen = c >= 0 && (u_isUWhiteSpace(c) || u_iscntrl(c) || c == 0x2800 ||
                                      u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT));
    if (!is_unseen) return false;
    at += static_cast<size_t>(i);
  }
  return true;
}

bool has_word(std::string_view text) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto n = static_cast<int32_t>(std::min<size_t>(text.size(), 1 << 30));
  for (int32_t i = 0; i < n;) {
    UChar32 c = 0;
    U8_NEXT(bytes, i, n, c);
    if (c >= 0 && u_isalnum(c) && !u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT))
      return true;
  }
  return false;
}

}  // namespace r1
