// A view of numbers in memory: pointer, type, shape. Passed by value, owns nothing.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>

#include "base/error.h"

namespace r1 {

/// q8_0 and q4_0 are blocks of 32 integers with a shared scale: only packed matrices have them.
enum class Dtype : uint8_t { kF32, kBF16, kF16, kI32, kQ8_0, kQ4_0 };

const char* dtype_name(Dtype dtype);                 // f32 bf16 f16 i32 q8_0 q4_0
Result<Dtype> parse_dtype(const std::string& name);  // also float32, bfloat16, float16; not i32

constexpr bool is_quantised(Dtype dtype) { return dtype == Dtype::kQ8_0 || dtype == Dtype::kQ4_0; }
constexpr int64_t dtype_size(Dtype dtype) {
  CHECK(!is_quantised(dtype), "an element of {} has no size of its own", dtype_name(dtype));
  return dtype == Dtype::kF32 || dtype == Dtype::kI32 ? 4 : 2;
}

inline float bf16_to_f32(uint16_t x) { return std::bit_cast<float>(uint32_t{x} << 16); }

/// Rounds to nearest, ties to even; NaN stays NaN.
inline uint16_t f32_to_bf16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7FFFFFFF) > 0x7F800000) return static_cast<uint16_t>((bits >> 16) | 0x40);
  return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

constexpr float f16_to_f32(uint16_t x) {
  const uint32_t magnitude = uint32_t{x & 0x7FFFu} << 13;
  const float value = std::bit_cast<float>(magnitude) * 0x1p112f;     // exact, subnormals too
  const uint32_t special = magnitude >= 0x0F800000 ? 0x7F800000 : 0;  // infinity or NaN
  return std::bit_cast<float>(std::bit_cast<uint32_t>(value) | special |
                              uint32_t{x & 0x8000u} << 16);
}
uint16_t f32_to_f16(float x);  // to nearest, ties to even

/// Contiguous, row-major, at most four dimensions.
struct Tensor {
  void* data = nullptr;
  Dtype dtype = Dtype::kF32;
  int rank = 0;
  std::array<int64_t, 4> shape{};

  Tensor() = default;
  Tensor(void* data, Dtype dtype, std::initializer_list<int64_t> dims);

  int64_t numel() const;
  int64_t nbytes() const { return numel() * dtype_size(dtype); }
  int64_t cols() const { return rank == 0 ? 1 : shape[rank - 1]; }     // last dimension
  int64_t rows() const { return cols() == 0 ? 0 : numel() / cols(); }  // all others together
  bool empty() const { return rank == 0; }

  float* f32() const {
    CHECK(dtype == Dtype::kF32, "f32 view of a {} tensor", dtype_name(dtype));
    return static_cast<float*>(data);
  }
  uint16_t* u16() const { return static_cast<uint16_t*>(data); }
  int32_t* i32() const {
    CHECK(dtype == Dtype::kI32, "i32 view of a {} tensor", dtype_name(dtype));
    return static_cast<int32_t*>(data);
  }
  float* row(int64_t r) const { return f32() + r * cols(); }

  /// Rows begin … end-1 of a matrix, as a view.
  Tensor slice_rows(int64_t begin, int64_t end) const;
  std::string shape_text() const;  // (3, 5)
};

}  // namespace r1
