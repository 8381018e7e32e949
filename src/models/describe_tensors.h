// What the files of a model hold: bytes by type, and tensors that differ only in a number of their
// names as one line.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/source.h"

namespace r1 {

struct StoredTotal {
  StoredDtype dtype = StoredDtype::kF32;
  int64_t n_tensors = 0, n_bytes = 0;
};

/// Most bytes first; FP8 scales count as what they are.
std::vector<StoredTotal> stored_totals(const Source& source);

struct TensorGroup {
  std::string name;  // model.layers.{0-27}.mlp.up_proj.weight
  StoredDtype dtype = StoredDtype::kF32;
  std::vector<int64_t> shape;
  int64_t n_tensors = 0, n_bytes = 0;
};

/// Tensors whose names hold `filter`, one line each, in the order of a model: numbers in names
/// count, so that layer 2 stands before layer 10.
std::vector<TensorGroup> list_tensors(const Source& source, const std::string& filter);

/// The same with those in one line that share type, shape and name but for its numbers.
std::vector<TensorGroup> group_tensors(const Source& source, const std::string& filter);

/// Elements of everything but FP8 scales.
int64_t stored_elements(const Source& source);

}  // namespace r1
