// A model written as a GGUF file, as llama.cpp would: metadata, vocabulary and tensors.
#pragma once

#include <functional>
#include <optional>

#include "base/thread_pool.h"
#include "checkpoint/source.h"
#include "models/model_io.h"

namespace r1 {

struct GgufExport {
  /// F32, F16, BF16, Q8_0 or Q4_0 for matrices; nullopt: as stored (FP8 becomes BF16). Vectors and
  /// routers are F32, embedding and head no less than Q8_0, and rows that do not divide into
  /// blocks F16.
  std::optional<StoredDtype> dtype;
  bool keeps_mtp = false;  // multi-token prediction: llama.cpp refuses deepseek2 files with it
  std::string name;        // general.name
};

/// Streams: the weights are never in memory at once. The file appears whole or not at all.
Result<void> write_gguf(const Path& file, const ModelAssets& assets, const Source& source,
                        const GgufExport& options, ThreadPool& pool,
                        const std::function<void(int64_t done, int64_t total)>& written);

}  // namespace r1
