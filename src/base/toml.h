// TOML for .cpp files that walk through its tables: one way to parse, one to write. Config structs
// need fields.h alone.
#pragma once

#include <toml++/toml.h>

#include <string>

#include "base/error.h"

namespace r1 {

/// The error is "NAME:LINE:COLUMN: what is wrong".
Result<toml::table> parse_toml(const std::string& text, const std::string& name);

std::string toml_text(const toml::table& table);

}  // namespace r1
