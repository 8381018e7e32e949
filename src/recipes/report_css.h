// The style sheet of report pages.
#pragma once

#include <string_view>

namespace r1 {

/// Light and dark by prefers-color-scheme; one accent colour; from 320 px upwards.
std::string_view report_css();

}  // namespace r1
