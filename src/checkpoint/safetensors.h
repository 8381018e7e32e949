// Safetensors files: a JSON header that says where each tensor lies, then the bytes; read and
// written.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/file.h"
#include "checkpoint/stored.h"

namespace r1 {

inline constexpr const char* kWeightsName = "model.safetensors";
inline constexpr const char* kIndexName = "model.safetensors.index.json";

/// A mapped file whose header has been checked: every tensor lies inside, none overlap, none are
/// missing. Movable; safe to read from many threads.
class SafetensorsFile {
 public:
  /// The error names the file, the tensor, the field and the remedy.
  static Result<SafetensorsFile> open(const Path& path);

  /// In the order of their bytes. The views live as long as this object.
  const std::vector<StoredTensor>& tensors() const { return tensors_; }

 private:
  MappedFile file_;
  std::vector<StoredTensor> tensors_;
};

/// Checks and lists the tensors of a whole file in memory; the views point into it.
Result<std::vector<StoredTensor>> parse_safetensors(std::span<const std::byte> file);

/// One file, in the given order, complete or not there at all. Weights are streamed, never copied.
/// Names are unique; an error names the file and the remedy (disk full, no permission).
Result<void> write_safetensors_file(const Path& file, const std::vector<NamedTensor>& tensors);

/// A model's weights: folder/model.safetensors, or when they exceed max_shard_bytes
/// model-00001-of-00002.safetensors … with model.safetensors.index.json. What another model left
/// under these names is removed.
Result<void> write_safetensors(const Path& folder, const std::vector<NamedTensor>& tensors,
                               size_t max_shard_bytes = 5'000'000'000);

}  // namespace r1
