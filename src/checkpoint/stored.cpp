#include "checkpoint/stored.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace r1 {
namespace {

struct DtypeRow {
  StoredDtype dtype;
  const char* name;
  int64_t size;
};

constexpr std::array kDtypes = {
    DtypeRow{StoredDtype::kF64, "F64", 8},        DtypeRow{StoredDtype::kF32, "F32", 4},
    DtypeRow{StoredDtype::kF16, "F16", 2},        DtypeRow{StoredDtype::kBF16, "BF16", 2},
    DtypeRow{StoredDtype::kF8E4M3, "F8_E4M3", 1}, DtypeRow{StoredDtype::kF8E5M2, "F8_E5M2", 1},
    DtypeRow{StoredDtype::kF8E8M0, "F8_E8M0", 1}, DtypeRow{StoredDtype::kI64, "I64", 8},
    DtypeRow{StoredDtype::kI32, "I32", 4},        DtypeRow{StoredDtype::kI8, "I8", 1},
    DtypeRow{StoredDtype::kU8, "U8", 1},          DtypeRow{StoredDtype::kBool, "BOOL", 1},
};

const DtypeRow& row_of(StoredDtype dtype) {
  const auto row = std::ranges::find(kDtypes, dtype, &DtypeRow::dtype);
  CHECK(row != kDtypes.end(), "stored dtype {}", static_cast<int>(dtype));
  return *row;
}

/// Truncates and keeps a sticky last bit, so that a later rounding to bf16 equals one from the
/// double.
float round_to_odd(double x) {
  const float nearest = static_cast<float>(x);
  if (static_cast<double>(nearest) == x || x != x) return nearest;
  uint32_t bits = std::bit_cast<uint32_t>(nearest);
  const double size = x < 0 ? -x : x;
  if (std::bit_cast<float>(bits & 0x7FFFFFFF) > size) --bits;
  return std::bit_cast<float>(bits | 1);
}

/// From: the type of the bytes. Elements are copied out singly: a file promises no alignment.
template <class From, class ToFloat>
void convert(std::span<const std::byte> bytes, Tensor destination, ToFloat to_float) {
  const int64_t n = destination.numel();
  const auto load = [&](int64_t i) {
    From value;
    std::memcpy(&value, bytes.data() + i * sizeof(From), sizeof(From));
    return to_float(value);
  };
  if (destination.dtype == Dtype::kF32) {
    float* out = destination.f32();
    for (int64_t i = 0; i < n; ++i) out[i] = load(i);
  } else {
    uint16_t* out = destination.u16();
    for (int64_t i = 0; i < n; ++i) out[i] = f32_to_bf16(load(i));
  }
}

}  // namespace

const char* stored_dtype_name(StoredDtype dtype) { return row_of(dtype).name; }
int64_t stored_dtype_size(StoredDtype dtype) { return row_of(dtype).size; }

std::optional<StoredDtype> parse_stored_dtype(std::string_view name) {
  const auto row = std::ranges::find(kDtypes, name, &DtypeRow::name);
  if (row == kDtypes.end()) return std::nullopt;
  return row->dtype;
}

std::string known_stored_dtypes() {
  std::vector<std::string> names;
  for (const DtypeRow& row : kDtypes) names.push_back(row.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

StoredDtype stored_dtype(Dtype dtype) {
  switch (dtype) {
    case Dtype::kF32:
      return StoredDtype::kF32;
    case Dtype::kBF16:
      return StoredDtype::kBF16;
    case Dtype::kF16:
      return StoredDtype::kF16;
    case Dtype::kI32:
      return StoredDtype::kI32;
  }
  CHECK(false, "dtype {}", static_cast<int>(dtype));
  return StoredDtype::kF32;
}

std::string StoredTensor::shape_text() const { return fmt::format("({})", fmt::join(shape, ", ")); }

bool same_shape(const StoredTensor& stored, const Tensor& tensor) {
  if (stored.shape.empty()) return tensor.rank == 1 && tensor.shape[0] == 1;
  return std::ranges::equal(stored.shape, std::span(tensor.shape.data(), tensor.rank));
}

Result<void> read_into(const StoredTensor& stored, Tensor destination) {
  if (!same_shape(stored, destination)) {
    return fail(
        "tensor '{}': the file has shape {}, the model needs {}; use the config.json that "
        "belongs to these weights",
        stored.name, stored.shape_text(), destination.shape_text());
  }
  if (stored.dtype == stored_dtype(destination.dtype)) {
    if (!stored.bytes.empty()) {
      std::memcpy(destination.data, stored.bytes.data(), stored.bytes.size());
    }
    return {};
  }
  const bool narrow = destination.dtype == Dtype::kBF16;
  const bool known = narrow || destination.dtype == Dtype::kF32;
  if (known && stored.dtype == StoredDtype::kF32) {
    convert<float>(stored.bytes, destination, [](float x) { return x; });
  } else if (known && stored.dtype == StoredDtype::kBF16) {
    convert<uint16_t>(stored.bytes, destination, bf16_to_f32);
  } else if (known && stored.dtype == StoredDtype::kF16) {
    convert<uint16_t>(stored.bytes, destination, f16_to_f32);
  } else if (known && stored.dtype == StoredDtype::kF64 && narrow) {
    convert<double>(stored.bytes, destination, round_to_odd);
  } else if (known && stored.dtype == StoredDtype::kF64) {
    convert<double>(stored.bytes, destination, [](double x) { return static_cast<float>(x); });
  } else {
    return fail("tensor '{}': {} cannot be read as {}; export the model as F32 or BF16",
                stored.name, stored_dtype_name(stored.dtype), dtype_name(destination.dtype));
  }
  return {};
}

}  // namespace r1
