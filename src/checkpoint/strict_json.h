// JSON from files that nobody vouches for: one clear error, and a name given twice is one.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/error.h"

namespace r1 {

/// Never throws. The error says where the text stops being JSON, or which name is there twice.
Result<nlohmann::json> parse_strict_json(std::string_view text);

}  // namespace r1
