// What the operating system says about a file, told to a person: path, cause and remedy.
#pragma once

#include <string>

#include "base/file.h"

namespace r1 {

/// doing: what was tried ("write"); code: errno. "a/b.bin: cannot write: the disk is full; free …"
tl::unexpected<Error> io_error(const std::string& doing, const Path& path, int code);

/// Writes all bytes to an open descriptor; path is for the error only.
Result<void> write_all(int fd, std::span<const std::byte> bytes, const Path& path);

}  // namespace r1
