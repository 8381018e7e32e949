#include "tensor/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <span>

namespace r1 {

const char* dtype_name(Dtype dtype) {
  switch (dtype) {
    case Dtype::kF32:
      return "f32";
    case Dtype::kBF16:
      return "bf16";
    case Dtype::kF16:
      return "f16";
    case Dtype::kI32:
      return "i32";
    case Dtype::kQ8_0:
      return "q8_0";
    case Dtype::kQ4_0:
      return "q4_0";
  }
  return "?";
}

Result<Dtype> parse_dtype(const std::string& name) {
  if (name == "f32" || name == "float32") return Dtype::kF32;
  if (name == "bf16" || name == "bfloat16") return Dtype::kBF16;
  if (name == "f16" || name == "float16") return Dtype::kF16;
  if (name == "q8_0") return Dtype::kQ8_0;
  if (name == "q4_0") return Dtype::kQ4_0;
  return fail("unknown dtype '{}'; known: f32, bf16, f16, q8_0, q4_0", name);
}

uint16_t f32_to_f16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return sign | 0x7E00;
  if (magnitude >= 0x477FF000) return sign | 0x7C00;  // rounds to infinity
  if (magnitude < 0x38800000) {                       // subnormal half: let the FPU round
    const float scaled = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(scaled) - 0x3F000000));
  }
  const uint32_t rounded = magnitude + 0xFFF + ((magnitude >> 13) & 1);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000) >> 13));
}

Tensor::Tensor(void* data, Dtype dtype, std::initializer_list<int64_t> dims)
    : data(data), dtype(dtype), rank(static_cast<int>(dims.size())) {
  CHECK(rank <= 4, "rank {}", rank);
  int i = 0;
  for (int64_t d : dims) shape[i++] = d;
}

int64_t Tensor::numel() const {
  int64_t n = rank == 0 ? 0 : 1;
  for (int i = 0; i < rank; ++i) n *= shape[i];
  return n;
}

Tensor Tensor::slice_rows(int64_t begin, int64_t end) const {
  CHECK(rank == 2 && 0 <= begin && begin <= end && end <= shape[0], "rows {}..{} of {}", begin, end,
        shape_text());
  return Tensor(static_cast<char*>(data) + begin * shape[1] * dtype_size(dtype), dtype,
                {end - begin, shape[1]});
}

std::string Tensor::shape_text() const {
  return fmt::format("({})", fmt::join(std::span(shape.data(), rank), ", "));
}

}  // namespace r1
