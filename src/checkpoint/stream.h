// Weights from one file to another without ever being in memory: some rows at a time, in parallel.
#pragma once

#include <functional>
#include <optional>

#include "base/thread_pool.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/source.h"

namespace r1 {

/// Where the bytes go; called with pieces in order.
using ByteSink = std::function<Result<void>(std::span<const std::byte>)>;

/// Reads rows begin … end-1 as `as`, passes them on in pieces of some megabytes and lets the pages
/// go that were read.
Result<void> stream_rows(const StoredTensor& tensor, int64_t begin, int64_t end, StoredDtype as,
                         ThreadPool& pool, const ByteSink& sink);

/// Writes a source as the weights of a Hugging Face folder. dtype: F32, F16, BF16 or F8_E4M3, for
/// every floating tensor except router biases, which stay F32; FP8 is for the matrices of
/// is_fp8_matrix(), each with its scales, and the rest is BF16. nullopt: as stored, bit for bit.
/// written: told how many bytes of total_bytes are done.
Result<void> write_folder_weights(const Path& folder, const Source& source,
                                  std::optional<StoredDtype> dtype, ThreadPool& pool,
                                  const std::function<void(int64_t done, int64_t total)>& written);

}  // namespace r1
