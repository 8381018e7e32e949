#include "base/toml.h"

#include <sstream>

namespace r1 {

Result<toml::table> parse_toml(const std::string& text, const std::string& name) {
  try {
    return toml::parse(std::string_view(text), std::string_view(name));
  } catch (const toml::parse_error& error) {
    return fail("{}:{}:{}: {}", name, error.source().begin.line, error.source().begin.column,
                error.description());
  }
}

std::string toml_text(const toml::table& table) {
  std::ostringstream out;
  out << toml::toml_formatter(table);
  return out.str();
}

}  // namespace r1
