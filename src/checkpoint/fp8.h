// FP8 checkpoints: e4m3 matrices with one f32 scale for each block, as DeepSeek publishes them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "checkpoint/stored.h"

namespace r1 {

inline constexpr int64_t kFp8Block = 128;                          // rows and columns of a block
inline constexpr std::string_view kFp8ScaleSuffix = "_scale_inv";  // X.weight_scale_inv

struct Fp8BlockSize {
  int64_t rows = kFp8Block, cols = kFp8Block;
};

/// Gives each F8_E4M3 matrix X.weight its X.weight_scale_inv and marks that as consumed. All that
/// is missing or misshapen is listed in one error. tensors: sorted by name.
Result<void> pair_fp8_scales(std::vector<StoredTensor>& tensors, Fp8BlockSize block);

/// quantization_config.weight_block_size of a config.json; 128 x 128 when it says nothing.
Result<Fp8BlockSize> read_fp8_block_size(std::string_view config_json);

/// Whether DeepSeek stores this weight in FP8: the projections of attention and experts, not the
/// embedding, head, router, norms and eh_proj.
bool is_fp8_matrix(std::string_view name);

/// Quantises rows (n, cols), n <= 128, into codes of the same shape and one scale for each 128
/// columns: scale = largest size / 448, code = nearest e4m3 of value / scale.
///   [deepseek-ai/DeepSeek-V3 inference/kernel.py]
void quantize_fp8_rows(const float* rows, int64_t n, int64_t cols, uint8_t* codes, float* scales);

}  // namespace r1
