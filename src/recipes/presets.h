// Configurations that several stories begin with; recipes/*.toml say the same, with reasons.
#pragma once

#include "train/pretrain.h"

namespace r1 {

/// DeepSeek-V3 in miniature on the built-in task: recipes/v3-tiny.toml.
PretrainConfig v3_tiny();

}  // namespace r1
