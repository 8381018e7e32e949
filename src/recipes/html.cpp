#include "recipes/html.h"

#include <fmt/core.h>

#include <cmath>
#include <cstdint>

namespace r1 {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr const char* kNoNumber = "–";

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Bytes of the code point that starts the text; 0 when it is not UTF-8 (overlong forms, surrogates
/// and what lies beyond U+10FFFF included). The text is not empty.
size_t code_point_bytes(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t n = lead < 0x80   ? 1
                   : lead < 0xC2 ? 0
                   : lead < 0xE0 ? 2
                   : lead < 0xF0 ? 3
                   : lead < 0xF5 ? 4
                                 : 0;
  if (n > text.size()) return 0;
  for (size_t i = 1; i < n; ++i) {
    if (!is_continuation(text[i])) return 0;
  }
  const auto second = static_cast<unsigned char>(n > 1 ? text[1] : 0);
  if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second >= 0xA0)) return 0;
  if ((lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second >= 0x90)) return 0;
  return n;
}

std::string_view escape_ascii(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    case '\t':
    case '\n':
      return {};
    default:
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? kReplacement : std::string_view();
  }
}

/// Without trailing zeros behind the point: "1.50" -> "1.5", "2.00" -> "2".
std::string trim_zeros(std::string text) {
  if (text.find('.') == std::string::npos) return text;
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const size_t n = code_point_bytes(text);
    const std::string_view entity = n == 0 ? kReplacement : n == 1 ? escape_ascii(text[0]) : "";
    out += entity.empty() ? text.substr(0, n) : entity;
    text.remove_prefix(n == 0 ? 1 : n);
  }
  return out;
}

std::string escape_prose(std::string_view text) {
  std::string html = escape_html(text);
  for (const char* joined : {" %", " ±", "± ", " ×", " points"}) {
    const std::string from = joined;
    const size_t space = from.find(' ');
    for (size_t at = html.find(from); at != std::string::npos; at = html.find(from, at + 1))
      html.replace(at + space, 1, "&nbsp;");
  }
  return html;
}

size_t text_columns(std::string_view text) {
  size_t n = 0;
  for (const char c : text) n += !is_continuation(c);
  return n;
}

std::string cut_text(std::string_view text, size_t columns) {
  if (columns == 0) return "";
  if (text_columns(text) <= columns) return std::string(text);
  size_t end = 0, n = 0;
  for (; end < text.size(); ++end) {
    if (!is_continuation(text[end]) && ++n == columns) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string percent_text(double share, int decimals) {
  if (!std::isfinite(share)) return kNoNumber;
  return fmt::format("{:.{}f} %", share * 100 + 0.0, decimals);
}

std::string compact_text(double value) {
  if (!std::isfinite(value)) return kNoNumber;
  const double size = std::fabs(value);
  if (size == 0) return "0";
  if (size >= 999.5e9) return fmt::format("{:.2e}", value);
  if (size >= 999.5e6) return trim_zeros(fmt::format("{:.1f}", value / 1e9)) + "G";
  if (size >= 999.5e3) return trim_zeros(fmt::format("{:.1f}", value / 1e6)) + "M";
  if (size >= 9999.5) return trim_zeros(fmt::format("{:.1f}", value / 1e3)) + "k";
  if (size >= 99.95) return fmt::format("{:.0f}", value);
  if (size >= 9.995) return trim_zeros(fmt::format("{:.1f}", value));
  if (size >= 0.9995) return trim_zeros(fmt::format("{:.2f}", value));
  if (size >= 1e-3) return fmt::format("{:.3g}", value);
  std::string text = fmt::format("{:.2e}", value);  // d.dde-XX
  const size_t e = text.find('e');
  std::string digits = trim_zeros(text.substr(0, e));
  return digits + fmt::format("e{}", std::stoi(text.substr(e + 1)));
}

}  // namespace r1
