// Settings that go by a name: r1 rl --preset NAME.                       [docs/grpo.md, presets]
#pragma once

#include "train/grpo.h"

namespace r1 {

/// Sets the fields that the preset names and leaves the others; "" sets none. An unknown name is an
/// error that lists all.
Result<void> apply_rl_preset(GrpoConfig& config, const std::string& name);

/// Their names with commas; one line each of what they are.
std::string rl_preset_names();
std::string rl_preset_help();

}  // namespace r1
