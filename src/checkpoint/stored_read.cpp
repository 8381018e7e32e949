// Rows of stored tensors: from any type and any order in the file to f32, bf16, f16 or blocks.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "checkpoint/stored.h"
#include "tensor/float8.h"
#include "tensor/quant.h"

namespace r1 {
namespace {

/// Truncates and keeps a sticky last bit, so that a later rounding equals one from the double.
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
void convert(const std::byte* from, int64_t n, float* to, ToFloat to_float) {
  for (int64_t i = 0; i < n; ++i) {
    From value;
    std::memcpy(&value, from + i * sizeof(From), sizeof(From));
    to[i] = to_float(value);
  }
}

/// n elements from `first` on as f32; blocks are never cut. narrows: the result is rounded again.
void load(StoredDtype dtype, const std::byte* bytes, int64_t first, int64_t n, bool narrows,
          float* to) {
  const std::byte* from = bytes + stored_bytes(dtype, first);
  if (const auto format = block_format(dtype)) return dequantize(*format, from, to, n);
  switch (dtype) {
    case StoredDtype::kF32:
      std::memcpy(to, from, n * sizeof(float));
      return;
    case StoredDtype::kBF16:
      return convert<uint16_t>(from, n, to, bf16_to_f32);
    case StoredDtype::kF16:
      return convert<uint16_t>(from, n, to, f16_to_f32);
    case StoredDtype::kF8E4M3:
      return convert<uint8_t>(from, n, to, e4m3_to_f32);
    case StoredDtype::kF8E5M2:
      return convert<uint8_t>(from, n, to, e5m2_to_f32);
    case StoredDtype::kF64:
      if (narrows) return convert<double>(from, n, to, round_to_odd);
      return convert<double>(from, n, to, [](double x) { return static_cast<float>(x); });
    default:
      CHECK(false, "{} is no number to load", stored_dtype_name(dtype));
  }
}

bool is_floating(StoredDtype dtype) {
  return dtype < StoredDtype::kF8E8M0 || block_format(dtype).has_value();
}

void store(Tensor destination, int64_t first, const float* from, int64_t n) {
  if (destination.dtype == Dtype::kF32) {
    std::memcpy(destination.f32() + first, from, n * sizeof(float));
  } else if (destination.dtype == Dtype::kBF16) {
    for (int64_t i = 0; i < n; ++i) destination.u16()[first + i] = f32_to_bf16(from[i]);
  } else {
    for (int64_t i = 0; i < n; ++i) destination.u16()[first + i] = f32_to_f16(from[i]);
  }
}

/// Where row r of the tensor lies, in rows of the file; for kPlain and kRopePairs.
int64_t place_of(const RowOrder& order, int64_t row) {
  if (order.kind == RowOrder::Kind::kPlain) return row;
  const int64_t half = order.head_rows / 2, in_head = row % order.head_rows;
  return row - in_head + 2 * (in_head % half) + in_head / half;
}

/// Rows begin … end-1 of one head; key rows are columns of what is stored.
void load_split_rows(const StoredTensor& t, int64_t begin, int64_t end, bool narrows, float* to) {
  const int64_t C = t.row_elements(), n_keys = t.order.key_rows;
  const int64_t n_values = t.order.head_rows - n_keys, head = begin / t.order.head_rows;
  const int64_t first = begin % t.order.head_rows, last = first + (end - begin);
  const int64_t last_key = std::min(last, n_keys);
  if (first < n_keys) {
    std::vector<float> stored(n_keys);  // one row of the transposed (C, key_rows)
    for (int64_t c = 0; c < C; ++c) {
      load(t.dtype, t.bytes.data(), (head * C + c) * n_keys, n_keys, narrows, stored.data());
      for (int64_t n = first; n < last_key; ++n) to[(n - first) * C + c] = stored[n];
    }
  }
  const int64_t first_value = std::max(first, n_keys);
  if (first_value < last) {
    load(t.values_dtype, t.values.data(), (head * n_values + first_value - n_keys) * C,
         (last - first_value) * C, narrows, to + (first_value - first) * C);
  }
}

/// One row in plain or paired order, with its FP8 scales.
void load_row(const StoredTensor& t, int64_t row, bool narrows, float* to) {
  const int64_t C = t.row_elements(), place = place_of(t.order, row);
  load(t.dtype, t.bytes.data(), place * C, C, narrows, to);
  if (t.scale.empty()) return;
  const int64_t n_blocks = (C + t.scale_cols - 1) / t.scale_cols;
  const std::byte* scales =
      t.scale.data() + (place / t.scale_rows) * n_blocks * static_cast<int64_t>(sizeof(float));
  for (int64_t block = 0; block < n_blocks; ++block) {
    float scale;
    std::memcpy(&scale, scales + block * sizeof(float), sizeof scale);
    const int64_t end = std::min(C, (block + 1) * t.scale_cols);
    for (int64_t c = block * t.scale_cols; c < end; ++c) to[c] *= scale;
  }
}

/// Calls use(f32 values, offset in the output, how many) for pieces in any of the layouts.
template <class Use>
void for_each_piece(const StoredTensor& t, int64_t begin, int64_t end, bool narrows, Use&& use) {
  const int64_t C = t.row_elements();
  if (t.order.kind == RowOrder::Kind::kSplitKeysValues) {
    std::vector<float> rows(t.order.head_rows * C);
    for (int64_t row = begin; row < end;) {
      const int64_t head_end = (row / t.order.head_rows + 1) * t.order.head_rows;
      const int64_t stop = std::min(end, head_end);
      load_split_rows(t, row, stop, narrows, rows.data());
      use(rows.data(), (row - begin) * C, (stop - row) * C);
      row = stop;
    }
    return;
  }
  if (t.order.kind == RowOrder::Kind::kPlain && t.scale.empty()) {
    constexpr int64_t kPiece = 4096;  // a multiple of every block
    float piece[kPiece];
    const int64_t last = end * C;
    for (int64_t at = begin * C; at < last; at += kPiece) {
      const int64_t n = std::min(kPiece, last - at);
      load(t.dtype, t.bytes.data(), at, n, narrows, piece);
      use(piece, at - begin * C, n);
    }
    return;
  }
  std::vector<float> row_values(C);
  for (int64_t row = begin; row < end; ++row) {
    load_row(t, row, narrows, row_values.data());
    use(row_values.data(), (row - begin) * C, C);
  }
}

/// Copies rows that are stored in the wanted type.
void copy_rows(const StoredTensor& t, int64_t begin, int64_t end, std::byte* to) {
  const int64_t row_bytes = stored_bytes(t.dtype, t.row_elements());
  if (begin == end || row_bytes == 0) return;
  if (t.order.kind == RowOrder::Kind::kPlain) {
    std::memcpy(to, t.bytes.data() + begin * row_bytes, (end - begin) * row_bytes);
    return;
  }
  for (int64_t row = begin; row < end; ++row, to += row_bytes) {
    std::memcpy(to, t.bytes.data() + place_of(t.order, row) * row_bytes, row_bytes);
  }
}

bool is_copyable(const StoredTensor& t, StoredDtype as) {
  return t.dtype == as && t.scale.empty() && t.order.kind != RowOrder::Kind::kSplitKeysValues;
}

void release(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  static const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<uintptr_t>(bytes.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<uintptr_t>(bytes.data() + bytes.size()) / page * page;
  // Advice: a kernel that does not follow it keeps the pages, which are right in any case.
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace

Result<void> read_rows(const StoredTensor& stored, int64_t begin, int64_t end, Tensor destination) {
  CHECK(0 <= begin && begin <= end && end <= stored.rows(), "rows {}..{} of {} {}", begin, end,
        stored.name, stored.shape_text());
  const int64_t n = (end - begin) * stored.row_elements();
  CHECK(destination.numel() == n, "{} elements of {} for {}", n, stored.name,
        destination.shape_text());
  const bool known = destination.dtype == Dtype::kF32 || destination.dtype == Dtype::kBF16 ||
                     destination.dtype == Dtype::kF16;
  if (!known || !is_floating(stored.dtype)) {
    return fail("tensor '{}': {} cannot be read as {}; export the model as F32 or BF16",
                stored.name, stored_dtype_name(stored.dtype), dtype_name(destination.dtype));
  }
  if (is_copyable(stored, stored_dtype(destination.dtype))) {
    copy_rows(stored, begin, end, static_cast<std::byte*>(destination.data));
    return {};
  }
  const bool narrows = destination.dtype != Dtype::kF32;
  for_each_piece(stored, begin, end, narrows, [&](const float* values, int64_t at, int64_t count) {
    store(destination, at, values, count);
  });
  return {};
}

Result<void> read_row_blocks(const StoredTensor& stored, int64_t begin, int64_t end,
                             BlockFormat format, std::byte* to) {
  CHECK(0 <= begin && begin <= end && end <= stored.rows(), "rows {}..{} of {} {}", begin, end,
        stored.name, stored.shape_text());
  const int64_t C = stored.row_elements();
  if (C % block_elements(format) != 0) {
    return fail("tensor '{}': its rows of {} do not divide into {} blocks of {}; keep it in bf16",
                stored.name, C, block_format_name(format), block_elements(format));
  }
  if (is_copyable(stored, stored_dtype(format))) {
    copy_rows(stored, begin, end, to);
    return {};
  }
  if (!is_floating(stored.dtype)) {
    return fail("tensor '{}': {} cannot be quantised; export the model as F32 or BF16", stored.name,
                stored_dtype_name(stored.dtype));
  }
  for_each_piece(stored, begin, end, false, [&](const float* values, int64_t at, int64_t count) {
    quantize(format, values, to + stored_bytes(stored_dtype(format), at), count);
  });
  return {};
}

Result<void> read_rows_as(const StoredTensor& stored, int64_t begin, int64_t end, StoredDtype as,
                          std::byte* to) {
  if (const auto format = block_format(as)) {
    return read_row_blocks(stored, begin, end, *format, to);
  }
  const Tensor rows(to,
                    as == StoredDtype::kF32    ? Dtype::kF32
                    : as == StoredDtype::kBF16 ? Dtype::kBF16
                                               : Dtype::kF16,
                    {end - begin, stored.row_elements()});
  if (as == stored_dtype(rows.dtype)) return read_rows(stored, begin, end, rows);
  if (as != stored.dtype || stored.order.kind != RowOrder::Kind::kPlain) {
    return fail("tensor '{}': {} cannot be read as {}", stored.name,
                stored_dtype_name(stored.dtype), stored_dtype_name(as));
  }
  copy_rows(stored, begin, end, to);
  return {};
}

void release_rows(const StoredTensor& stored, int64_t begin, int64_t end) {
  if (!stored.is_mapped || begin >= end) return;
  const int64_t C = stored.row_elements(), head_rows = stored.order.head_rows;
  if (stored.order.kind == RowOrder::Kind::kPlain) {
    return release(stored.bytes.subspan(stored_bytes(stored.dtype, begin * C),
                                        stored_bytes(stored.dtype, (end - begin) * C)));
  }
  const int64_t first = (begin + head_rows - 1) / head_rows, last = end / head_rows;  // whole heads
  if (first >= last) return;
  const bool is_split = stored.order.kind == RowOrder::Kind::kSplitKeysValues;
  const int64_t n = (is_split ? stored.order.key_rows : head_rows) * C;  // elements of a head
  release(stored.bytes.subspan(stored_bytes(stored.dtype, first * n),
                               stored_bytes(stored.dtype, (last - first) * n)));
  if (!is_split) return;
  const int64_t n_values = (head_rows - stored.order.key_rows) * C;
  release(stored.values.subspan(stored_bytes(stored.values_dtype, first * n_values),
                                stored_bytes(stored.values_dtype, (last - first) * n_values)));
}

}  // namespace r1
