// The system calls a jailed program may not make, as a seccomp filter.
#pragma once

#include <string>

#include "base/error.h"

namespace r1 {

/// The filter as the kernel's BPF program. What is not named is allowed; a foreign architecture's
/// calls (32 bit, x32) kill the program.
Result<std::string> sandbox_filter();

}  // namespace r1
