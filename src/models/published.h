// Configurations that others published, by name: what recipes/models holds, inside the program.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace r1 {

/// The text of its config.json. Also by size or by a model of the same shape: 671b, deepseek-r1.
/// The error names those that there are.
Result<std::string> published_config(const std::string& name);
/// The name of its file in recipes/models; "" when it is not published.
std::string published_name(const std::string& name);
std::vector<std::string> published_names();

}  // namespace r1
