// A model that is computed while it is written: tensor by tensor, some rows at a time.
#pragma once

#include <functional>
#include <vector>

#include "base/thread_pool.h"
#include "checkpoint/safetensors.h"
#include "models/model_io.h"

namespace r1 {

/// Rows begin … end-1 as f32; called by several threads at once.
using RowMaker = std::function<Result<void>(int64_t begin, int64_t end, float* to)>;

struct MergedTensor {
  TensorHeader header;                   // F32, F16 or BF16 where rows are made
  const StoredTensor* stored = nullptr;  // what the rows are read from; null: made of nothing
  std::function<Result<RowMaker>()> open = {};  // empty: rows are copied, or read as header.dtype

  int64_t rows() const { return header.shape.empty() ? 1 : header.shape[0]; }
  int64_t row_elements() const;
};

/// The type that a tensor has after a merge: its own, and BF16 for FP8.
StoredDtype merged_dtype(const StoredTensor& tensor);

/// config.json and all that comes with it, for weights of merged_dtype().
ModelAssets merged_assets(ModelAssets assets);

/// A folder that may be written: not one of the inputs, and empty unless `force`.
Result<void> check_output(const Path& folder, const std::vector<Path>& inputs, bool force);

/// Made rows are rounded once. written: told how many bytes of all are done.
Result<void> write_merged(const Path& folder, const std::vector<MergedTensor>& tensors,
                          const ModelAssets& assets, ThreadPool& pool,
                          const std::function<void(int64_t done, int64_t total)>& written);

}  // namespace r1
