// The tensors of a model folder by name, whatever files hold them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/safetensors.h"
#include "checkpoint/stored.h"

namespace r1 {

/// Owns the mapped files. Movable; safe to read from many threads.
class Source {
 public:
  /// Reads folder/model.safetensors.index.json and its shards, or folder/model.safetensors. Shards
  /// that are missing and names that the index and the shards do not share are listed in one error.
  static Result<Source> open(const Path& folder);

  /// The tensors of one safetensors file, whatever its name.
  static Result<Source> open_file(const Path& file);

  /// nullptr when there is none. The view lives as long as this object.
  const StoredTensor* find(std::string_view name) const;
  std::vector<std::string> names() const;                                // sorted
  const std::vector<StoredTensor>& tensors() const { return tensors_; }  // sorted by name

 private:
  void take(std::vector<SafetensorsFile> files);

  std::vector<SafetensorsFile> files_;
  std::vector<StoredTensor> tensors_;
};

}  // namespace r1
