// The list of a checkpoint's files with sizes and checksums, by which damage is found.
#pragma once

#include <cstdint>

#include "base/file.h"

namespace r1 {

inline constexpr const char* kManifestName = "train_state.json";

/// Waits until a file, or a folder's list of names, has reached the disk.
Result<void> sync_to_disk(const Path& path);

/// Syncs every file below the folder to disk and writes the manifest, which makes the folder
/// complete.
Result<void> write_manifest(const Path& folder, int64_t step);

/// Every file is there with the bytes it had; the error names the first that is not.
Result<void> verify_manifest(const Path& folder, int64_t step);

}  // namespace r1
