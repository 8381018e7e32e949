#include "checkpoint/stored.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "tensor/quant.h"

namespace r1 {
namespace {

struct DtypeRow {
  StoredDtype dtype;
  const char* name;
  int64_t size;  // 0: a block format
};

constexpr std::array kDtypes = {
    DtypeRow{StoredDtype::kF64, "F64", 8},        DtypeRow{StoredDtype::kF32, "F32", 4},
    DtypeRow{StoredDtype::kF16, "F16", 2},        DtypeRow{StoredDtype::kBF16, "BF16", 2},
    DtypeRow{StoredDtype::kF8E4M3, "F8_E4M3", 1}, DtypeRow{StoredDtype::kF8E5M2, "F8_E5M2", 1},
    DtypeRow{StoredDtype::kF8E8M0, "F8_E8M0", 1}, DtypeRow{StoredDtype::kI64, "I64", 8},
    DtypeRow{StoredDtype::kI32, "I32", 4},        DtypeRow{StoredDtype::kI16, "I16", 2},
    DtypeRow{StoredDtype::kI8, "I8", 1},          DtypeRow{StoredDtype::kU8, "U8", 1},
    DtypeRow{StoredDtype::kBool, "BOOL", 1},      DtypeRow{StoredDtype::kQ8_0, "Q8_0", 0},
    DtypeRow{StoredDtype::kQ4_0, "Q4_0", 0},      DtypeRow{StoredDtype::kQ4_K, "Q4_K", 0},
    DtypeRow{StoredDtype::kQ5_K, "Q5_K", 0},      DtypeRow{StoredDtype::kQ6_K, "Q6_K", 0},
};

const DtypeRow& row_of(StoredDtype dtype) {
  const auto row = std::ranges::find(kDtypes, dtype, &DtypeRow::dtype);
  CHECK(row != kDtypes.end(), "stored dtype {}", static_cast<int>(dtype));
  return *row;
}

}  // namespace

const char* stored_dtype_name(StoredDtype dtype) { return row_of(dtype).name; }
int64_t stored_dtype_size(StoredDtype dtype) {
  const int64_t size = row_of(dtype).size;
  CHECK(size > 0, "an element of {} has no size of its own", stored_dtype_name(dtype));
  return size;
}

std::optional<StoredDtype> parse_stored_dtype(std::string_view name) {
  const auto row = std::ranges::find(kDtypes, name, &DtypeRow::name);
  if (row == kDtypes.end() || row->size == 0) return std::nullopt;
  return row->dtype;
}

std::string known_stored_dtypes() {
  std::vector<std::string> names;
  for (const DtypeRow& row : kDtypes) {
    if (row.size > 0) names.push_back(row.name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

std::optional<BlockFormat> block_format(StoredDtype dtype) {
  if (dtype < StoredDtype::kQ8_0) return std::nullopt;
  return static_cast<BlockFormat>(static_cast<int>(dtype) - static_cast<int>(StoredDtype::kQ8_0));
}

StoredDtype stored_dtype(BlockFormat format) {
  return static_cast<StoredDtype>(static_cast<int>(StoredDtype::kQ8_0) + static_cast<int>(format));
}

int64_t stored_bytes(StoredDtype dtype, int64_t n) {
  const auto format = block_format(dtype);
  if (!format) return n * stored_dtype_size(dtype);
  CHECK(n % block_elements(*format) == 0, "{} elements of {}", n, stored_dtype_name(dtype));
  return n / block_elements(*format) * block_bytes(*format);
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
    case Dtype::kQ8_0:
      return StoredDtype::kQ8_0;
    case Dtype::kQ4_0:
      return StoredDtype::kQ4_0;
  }
  CHECK(false, "dtype {}", static_cast<int>(dtype));
  return StoredDtype::kF32;
}

std::string StoredTensor::shape_text() const { return fmt::format("({})", fmt::join(shape, ", ")); }

int64_t StoredTensor::row_elements() const {
  int64_t n = 1;
  for (size_t i = 1; i < shape.size(); ++i) n *= shape[i];
  return n;
}

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
  if (destination.dtype == Dtype::kI32 && stored.dtype == StoredDtype::kI32) {
    if (!stored.bytes.empty()) {
      std::memcpy(destination.data, stored.bytes.data(), stored.bytes.size());
    }
    return {};
  }
  return read_rows(stored, 0, stored.rows(), destination);
}

}  // namespace r1
