// Safetensors files: a JSON header that says where each tensor lies, then the bytes; read and
// written.
#pragma once

#include <cstddef>
#include <set>
#include <span>
#include <string>
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

  /// The mapping on which the views of tensors() depend, for a new owner.
  MappedFile take_file() && { return std::move(file_); }

 private:
  MappedFile file_;
  std::vector<StoredTensor> tensors_;
};

/// Checks and lists the tensors of a whole file in memory; the views point into it.
Result<std::vector<StoredTensor>> parse_safetensors(std::span<const std::byte> file);

/// One file, in the given order, complete or not there at all. Weights are streamed, never copied.
/// Names are unique; an error names the file and the remedy (disk full, no permission).
Result<void> write_safetensors_file(const Path& file, const std::vector<NamedTensor>& tensors);

inline constexpr size_t kShardBytes = 5'000'000'000;

/// A model's weights: folder/model.safetensors, or when they exceed max_shard_bytes
/// model-00001-of-00002.safetensors … with model.safetensors.index.json. What another model left
/// under these names is removed.
Result<void> write_safetensors(const Path& folder, const std::vector<NamedTensor>& tensors,
                               size_t max_shard_bytes = kShardBytes);

/// What a tensor to be written is called and looks like. Its name is unique; no block formats.
struct TensorHeader {
  std::string name;
  StoredDtype dtype = StoredDtype::kF32;
  std::vector<int64_t> shape;

  int64_t bytes() const;
};

/// The same files from bytes that come piece by piece, so that they need never be in memory at
/// once: all of the first tensor, then all of the second … No file appears before commit().
class SafetensorsWriter {
 public:
  /// Fails before the first byte when the disk has not enough room.
  static Result<SafetensorsWriter> create(const Path& folder, std::vector<TensorHeader> tensors,
                                          size_t max_shard_bytes = kShardBytes);
  SafetensorsWriter(SafetensorsWriter&&) = default;

  Result<void> write(std::span<const std::byte> bytes);
  Result<void> commit();

 private:
  SafetensorsWriter() = default;
  Result<void> open_next();

  Path folder_;
  std::vector<TensorHeader> tensors_;
  std::vector<size_t> shard_ends_;  // index of the tensor after each shard's last
  std::vector<AtomicFile> files_;   // all complete before the first takes its name
  std::set<std::string> names_;
  int64_t left_ = 0;  // bytes that the shard being written still waits for
};

}  // namespace r1
