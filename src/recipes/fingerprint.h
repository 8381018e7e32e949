// What a file, a folder or this program is, as far as a result depends on it: a text to hash.
#pragma once

#include <string>

#include "base/file.h"

namespace r1 {

/// Name and checksum; a file of more than 64 MiB counts by name, size and time.
Result<std::string> fingerprint_file(const Path& file);

/// Of a file, or of the files of a folder in the order of their names.
Result<std::string> fingerprint(const Path& path);

/// This very program: another build may compute other bits.
Result<std::string> fingerprint_program();

}  // namespace r1
