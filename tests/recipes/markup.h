// A tiny reader of markup for tests: says what is not well formed, and counts elements.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace r1 {

/// "" when tags nest, attributes are quoted and no bare < or & is left; else what is wrong and
/// where. The text inside <style> is skipped.
inline std::string markup_fault(std::string_view text) {
  std::vector<std::string> open;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '&') {
      const size_t end = text.find(';', i);
      if (end == std::string_view::npos || end - i > 7) return "bare & at " + std::to_string(i);
      continue;
    }
    if (text[i] != '<') continue;
    if (text.substr(i, 2) == "<!") {
      i = text.find('>', i);
      continue;
    }
    size_t end = i;
    for (char quote = 0; end < text.size(); ++end) {
      const char c = text[end];
      if (quote ? c == quote : c == '"')
        quote = quote ? 0 : c;
      else if (!quote && c == '>')
        break;
      else if (c == '<' && end != i)
        return "< inside a tag at " + std::to_string(end);
    }
    if (end == text.size()) return "tag without end at " + std::to_string(i);
    const std::string_view tag = text.substr(i + 1, end - i - 1);
    const std::string name(tag.substr(0, tag.find_first_of(" /\n", 1)));
    if (tag.empty() || tag[0] == ' ') return "bare < at " + std::to_string(i);
    if (tag[0] == '/') {
      if (open.empty() || "/" + open.back() != tag) return "unexpected <" + std::string(tag) + ">";
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(name);
      if (name == "style") end = text.find("</style>", end) - 1;
    }
    i = end;
  }
  return open.empty() ? "" : "<" + open.back() + "> stays open";
}

inline size_t count_text(std::string_view text, std::string_view what) {
  size_t n = 0;
  for (size_t i = text.find(what); i != std::string_view::npos; i = text.find(what, i + 1)) ++n;
  return n;
}

}  // namespace r1
