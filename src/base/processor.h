// The name of this machine's processor, for reports.
#pragma once

#include <string>

namespace r1 {

/// As /proc/cpuinfo has it; "unknown processor" where it does not say.
std::string processor_name();

}  // namespace r1
