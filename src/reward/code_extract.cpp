#include "reward/code_extract.h"

#include <algorithm>
#include <cctype>

namespace r1 {
namespace {

std::string_view next_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

/// The fence a line begins with (``` or longer), after at most three spaces; else empty.
std::string_view fence_of(std::string_view line) {
  const size_t begin = line.find_first_not_of(' ');
  if (begin == line.npos || begin > 3 || (line[begin] != '`' && line[begin] != '~')) return {};
  size_t end = begin;
  while (end < line.size() && line[end] == line[begin]) ++end;
  return end - begin >= 3 ? line.substr(begin, end - begin) : std::string_view();
}

bool closes(std::string_view line, std::string_view open) {
  const std::string_view fence = fence_of(line);
  return fence.size() >= open.size() && fence[0] == open[0] &&
         line.substr(fence.data() + fence.size() - line.data()).find_first_not_of(" \t\r") ==
             line.npos;
}

std::string_view first_word(std::string_view line) {
  const size_t begin = line.find_first_not_of(" \t{.");
  if (begin == line.npos) return {};
  const size_t end = line.find_first_of(" \t\r,}:", begin);
  return line.substr(begin, std::min(end, line.size()) - begin);
}

}  // namespace

std::string language_name(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (lower == "py" || lower == "python3" || lower == "py3") return "python";
  if (lower == "c++" || lower == "cc" || lower == "cxx" || lower == "hpp") return "cpp";
  const bool is_versioned = lower.starts_with("cpp") || lower.starts_with("c++");
  if (is_versioned && lower.find_first_not_of("0123456789", 3) == lower.npos) return "cpp";
  return lower;
}

ExtractedCode extract_code(std::string_view text, std::string_view language) {
  std::string_view named, unnamed;
  bool has_named = false, has_unnamed = false;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = next_line(rest);
    const std::string_view fence = fence_of(line);
    if (fence.empty()) continue;
    const std::string_view info =
        first_word(line.substr(fence.data() + fence.size() - line.data()));
    const char* begin = rest.data();
    const char* end = begin + rest.size();
    while (!rest.empty()) {
      const std::string_view inside = next_line(rest);
      if (!closes(inside, fence)) continue;
      end = inside.data();
      break;
    }
    const std::string_view block(begin, static_cast<size_t>(end - begin));
    if (info.empty()) unnamed = block, has_unnamed = true;
    if (!info.empty() && language_name(info) == language) named = block, has_named = true;
  }
  if (has_named) return {std::string(named), true};
  if (has_unnamed) return {std::string(unnamed), true};
  return {std::string(text), false};
}

}  // namespace r1
