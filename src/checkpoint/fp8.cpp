#include "checkpoint/fp8.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "checkpoint/strict_json.h"
#include "tensor/float8.h"

namespace r1 {
namespace {

constexpr float kE4m3Max = 448.0f;
constexpr float kSmallestMax = 1e-4f;  // a block of zeros has a scale above zero, as in kernel.py

int64_t blocks_of(int64_t n, int64_t block) { return (n + block - 1) / block; }

/// Empty when the scale fits, else what is wrong.
std::string pair(StoredTensor& weight, StoredTensor* scale, Fp8BlockSize block) {
  if (scale == nullptr) return fmt::format("{}{} is missing", weight.name, kFp8ScaleSuffix);
  if (scale->dtype != StoredDtype::kF32) {
    return fmt::format("{} is {} instead of F32", scale->name, stored_dtype_name(scale->dtype));
  }
  const std::vector<int64_t> wanted = {blocks_of(weight.shape[0], block.rows),
                                       blocks_of(weight.shape[1], block.cols)};
  if (scale->shape != wanted) {
    return fmt::format("{} has shape {} instead of ({}): {} in blocks of {} x {}", scale->name,
                       scale->shape_text(), fmt::join(wanted, ", "), weight.shape_text(),
                       block.rows, block.cols);
  }
  weight.scale = scale->bytes;
  weight.scale_rows = block.rows;
  weight.scale_cols = block.cols;
  scale->is_consumed = true;
  return "";
}

}  // namespace

Result<void> pair_fp8_scales(std::vector<StoredTensor>& tensors, Fp8BlockSize block) {
  const auto find = [&](const std::string& name) {
    const auto at = std::ranges::lower_bound(tensors, name, {}, &StoredTensor::name);
    return at != tensors.end() && at->name == name ? &*at : nullptr;
  };
  std::string wrong;
  for (StoredTensor& weight : tensors) {
    const bool is_matrix = weight.dtype == StoredDtype::kF8E4M3 && weight.shape.size() == 2 &&
                           weight.name.ends_with(".weight");
    if (!is_matrix) continue;
    const std::string problem =
        pair(weight, find(weight.name + std::string(kFp8ScaleSuffix)), block);
    if (!problem.empty()) wrong += "\n  " + problem;
  }
  if (wrong.empty()) return {};
  return fail("FP8 weights and their scales do not fit; download all shards of one revision:{}",
              wrong);
}

Result<Fp8BlockSize> read_fp8_block_size(std::string_view config_json) {
  R1_TRY(const nlohmann::json config, parse_strict_json(config_json));
  if (!config.is_object() || !config.contains("quantization_config")) return Fp8BlockSize{};
  const auto& quantization = config["quantization_config"];
  if (!quantization.is_object() || !quantization.contains("weight_block_size")) {
    return Fp8BlockSize{};
  }
  const auto& size = quantization["weight_block_size"];
  const auto is_size = [](const nlohmann::json& n) {
    return n.is_number_unsigned() && n.get<uint64_t>() >= 1 && n.get<uint64_t>() <= 1 << 20;
  };
  if (!size.is_array() || size.size() != 2 || !is_size(size[0]) || !is_size(size[1])) {
    return fail("quantization_config.weight_block_size: must be two sizes, as in [128, 128]");
  }
  return Fp8BlockSize{size[0].get<int64_t>(), size[1].get<int64_t>()};
}

bool is_fp8_matrix(std::string_view name) {
  constexpr std::array<std::string_view, 9> kProjections = {
      "q_proj", "q_a_proj",  "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj",
      "o_proj", "gate_proj", "up_proj",  "down_proj"};
  constexpr std::string_view kWeight = ".weight";
  if (!name.starts_with("model.layers.") || !name.ends_with(kWeight)) return false;
  name.remove_suffix(kWeight.size());
  const size_t dot = name.rfind('.');
  return std::ranges::find(kProjections, name.substr(dot + 1)) != kProjections.end();
}

void quantize_fp8_rows(const float* rows, int64_t n, int64_t cols, uint8_t* codes, float* scales) {
  CHECK(0 < n && n <= kFp8Block, "{} rows", n);
  for (int64_t begin = 0; begin < cols; begin += kFp8Block) {
    const int64_t end = std::min(cols, begin + kFp8Block);
    float largest = kSmallestMax;
    for (int64_t r = 0; r < n; ++r) {
      for (int64_t c = begin; c < end; ++c) {
        largest = std::max(largest, std::fabs(rows[r * cols + c]));
      }
    }
    const float scale = largest / kE4m3Max;
    scales[begin / kFp8Block] = scale;
    for (int64_t r = 0; r < n; ++r) {
      for (int64_t c = begin; c < end; ++c) {
        codes[r * cols + c] = f32_to_e4m3(rows[r * cols + c] / scale);
      }
    }
  }
}

}  // namespace r1
