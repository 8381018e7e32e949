// Texts larger than memory: read line by line, or in chunks that a tokenizer encodes as it would
// encode the whole.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace r1 {

/// file: "-" is standard input, here and below.
Result<std::string> read_all(const std::string& file);

/// Lines with their line break. Stops at the first error.
Result<void> for_each_line(const std::string& file,
                           const std::function<Result<void>(std::string_view line)>& use);

/// Chunks of about a megabyte, cut before the space between two ASCII letters, where byte-level
/// tokenizers cut too. Stops at the first error.
Result<void> for_each_chunk(
    const std::string& file,
    const std::function<Result<void>(std::string_view text, bool is_last)>& use);

/// The ids of a whole file, a chunk at a time; special tokens around the whole only. A tokenizer
/// that is not byte-level reads the file at once.
Result<void> encode_file(const Tokenizer& tokenizer, const std::string& file, EncodeOptions options,
                         const std::function<void(const std::vector<int32_t>&)>& use);

}  // namespace r1
