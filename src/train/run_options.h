// Whether a run that goes on may do so with the options it is given.
#pragma once

#include <string>

#include "base/file.h"

namespace r1 {

/// begun, now: config.toml of the run as it stands, and of --resume. Other data, batches or shapes
/// are an error that names the option; other differences that may change a result are one warning
/// with all of them. Where and when things are written, and [compute], may differ.
Result<void> check_resumed_options(const std::string& begun, const std::string& now,
                                   const Path& folder);

}  // namespace r1
