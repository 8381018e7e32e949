// Configurations that several stories begin with; recipes/*.toml say the same, with reasons.
#pragma once

#include <string_view>

#include "train/pretrain.h"

namespace r1 {

/// DeepSeek-V3 in miniature on the built-in task: recipes/v3-tiny.toml.
PretrainConfig v3_tiny();

/// recipes/r1.toml, which stands inside the program: what r1 quickstart runs.
std::string_view r1_recipe();

}  // namespace r1
