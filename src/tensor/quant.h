// GGML's block formats: integers that share scales, as GGUF files hold them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace r1 {

/// Laid out bit for bit as in ggml: blocks of 32 elements (_0) or 256 (_K), little-endian.
enum class BlockFormat : uint8_t { kQ8_0, kQ4_0, kQ4_K, kQ5_K, kQ6_K };

int64_t block_elements(BlockFormat format);
int64_t block_bytes(BlockFormat format);
const char* block_format_name(BlockFormat format);  // Q8_0

/// n elements, a multiple of block_elements. Same values as ggml's dequantize_row_*.
void dequantize(BlockFormat format, const std::byte* blocks, float* to, int64_t n);
/// Q8_0 and Q4_0 only. Same bytes as ggml's quantize_row_*_ref.
void quantize(BlockFormat format, const float* from, std::byte* blocks, int64_t n);

}  // namespace r1
