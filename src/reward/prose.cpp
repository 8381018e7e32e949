#include "reward/prose.h"

#include <unicode/uscript.h>

#include <algorithm>
#include <array>

#include "text/unicode.h"

namespace r1 {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr size_t kLongestInline = 400;  // bytes of `code` or $formula$: beyond, the sign is a sign

bool is_foreign_to_latex(char32_t c) {
  UErrorCode status = U_ZERO_ERROR;
  const UScriptCode script = uscript_getScript(static_cast<UChar32>(c), &status);
  return script != USCRIPT_LATIN && script != USCRIPT_GREEK && script != USCRIPT_COMMON &&
         script != USCRIPT_INHERITED;
}

void blank(std::string& text, size_t begin, size_t end) {
  for (size_t at = begin; at < end;) {
    const size_t first = at;
    const char32_t c = next_code_point(text, at);
    if (!is_foreign_to_latex(c)) std::fill(text.begin() + first, text.begin() + at, ' ');
  }
}

struct Fence {
  std::string_view open, close;
  bool is_inline;      // short and on one line, or it is no fence
  bool may_stay_open;  // without its end it goes to the end of the text
};
constexpr Fence kFences[] = {
    {"```", "```", false, true},
    {"~~~", "~~~", false, true},
    {"`", "`", true, false},
    {"$$", "$$", false, false},
    {"\\[", "\\]", false, false},
    {"\\(", "\\)", false, false},
    {"\\begin{", "\\end{", false, false},
    {"$", "$", true, false},
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

using Absent = std::array<bool, std::size(kFences)>;

/// Where the fence that begins at `at` ends, or `at` when none does. An end that was searched in
/// vain is absent from there on: this keeps the whole one pass.
size_t fence_end(std::string_view text, size_t at, Absent& is_absent) {
  for (size_t f = 0; f < std::size(kFences); ++f) {
    const Fence& fence = kFences[f];
    if (is_absent[f] || text.substr(at, fence.open.size()) != fence.open) continue;
    const size_t inside = at + fence.open.size();
    size_t close = fence.is_inline
                       ? text.substr(0, inside + kLongestInline).find(fence.close, inside)
                       : text.find(fence.close, inside);
    if (close == kNone && fence.may_stay_open) return text.size();
    if (close == kNone) {
      is_absent[f] = !fence.is_inline;
      continue;
    }
    if (fence.is_inline && text.substr(inside, close - inside).find('\n') != kNone) continue;
    close += fence.close.size();
    if (fence.close == "\\end{") close = std::min(text.find('}', close), text.size() - 1) + 1;
    return close;
  }
  return at;
}

/// Where a command such as \frac, or an address, that begins at `at` ends, or `at`.
size_t token_end(std::string_view text, size_t at) {
  if (text[at] == '\\') {
    size_t end = at + 1;
    while (end < text.size() && is_letter(text[end])) ++end;
    return end;
  }
  if (text.substr(at, 7) == "http://" || text.substr(at, 8) == "https://")
    return std::min(text.find_first_of(" \t\r\n)", at), text.size());
  return at;
}

}  // namespace

std::string without_code_and_latex(std::string_view bytes) {
  std::string text = to_utf8(bytes);
  const std::string original = text;
  Absent is_absent{};
  for (size_t at = 0; at < original.size();) {
    size_t end = at;
    if (std::string_view("`~$\\").find(original[at]) != kNone)
      end = fence_end(original, at, is_absent);
    if (end == at && (original[at] == '\\' || original[at] == 'h')) end = token_end(original, at);
    if (end > at) blank(text, at, end);
    at = std::max(end, at + 1);
  }
  return text;
}

}  // namespace r1
