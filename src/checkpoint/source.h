// The tensors of a model folder by name, whatever files hold them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/stored.h"

namespace r1 {

/// Owns the mapped files. Movable; safe to read from many threads.
class Source {
 public:
  Source() = default;

  /// Reads folder/model.safetensors.index.json and its shards, or folder/model.safetensors. Shards
  /// that are missing and names that the index and the shards do not share are listed in one error.
  /// Each FP8 matrix X.weight is given its X.weight_scale_inv, from whatever shard, which stays
  /// listed and is marked is_consumed; blocks are of 128 x 128 unless config.json says
  /// quantization_config.weight_block_size.
  static Result<Source> open(const Path& folder);

  /// The tensors of one safetensors file, whatever its name.
  static Result<Source> open_file(const Path& file);

  /// Tensors whose bytes lie in these files.
  static Source of(std::vector<MappedFile> files, std::vector<StoredTensor> tensors);

  /// nullptr when there is none. The view lives as long as this object.
  const StoredTensor* find(std::string_view name) const;
  std::vector<std::string> names() const;  // sorted, without consumed ones
  const std::vector<StoredTensor>& tensors() const { return tensors_; }  // sorted by name

 private:
  std::vector<MappedFile> files_;
  std::vector<StoredTensor> tensors_;
};

}  // namespace r1
