#include "checkpoint/stream.h"

#include <algorithm>
#include <mutex>
#include <vector>

#include "checkpoint/fp8.h"

namespace r1 {
namespace {

constexpr int64_t kPieceBytes = 16 << 20;  // of rows as f32

/// Runs body(begin, end) over shares of n rows; the first error wins.
template <class Body>
Result<void> parallel_rows(ThreadPool& pool, int64_t n, int64_t grain, Body&& body) {
  std::mutex mutex;
  Result<void> first;
  pool.parallel_for(n, grain, [&](int64_t begin, int64_t end) {
    auto done = body(begin, end);
    const std::lock_guard lock(mutex);
    if (!done && first) first = fail_with(done.error());
  });
  return first;
}

/// Rows that are read at once: whole heads, whole FP8 blocks, about kPieceBytes.
int64_t rows_in_piece(const StoredTensor& tensor, int64_t unit) {
  const int64_t row_bytes = std::max<int64_t>(1, tensor.row_elements() * 4);
  return std::max<int64_t>(1, kPieceBytes / row_bytes / unit) * unit;
}

/// A tensor of the folder to be written.
struct Plan {
  enum class Kind { kRows, kFp8, kFp8Scale };
  Kind kind = Kind::kRows;
  const StoredTensor* tensor = nullptr;  // kFp8Scale: the matrix it belongs to
  TensorHeader header;
};

bool is_floating(StoredDtype dtype) {
  return dtype < StoredDtype::kI64 || block_format(dtype).has_value();
}

std::vector<int64_t> scale_shape(const StoredTensor& matrix) {
  const auto blocks = [](int64_t n) { return (n + kFp8Block - 1) / kFp8Block; };
  return {blocks(matrix.shape[0]), blocks(matrix.shape[1])};
}

bool is_fp8_already(const StoredTensor& tensor) {
  return tensor.dtype == StoredDtype::kF8E4M3 && tensor.scale_rows == kFp8Block &&
         tensor.scale_cols == kFp8Block;
}

/// Appends what one tensor becomes; in FP8 the scales stand behind the codes.
void plan_tensor(const StoredTensor& tensor, std::optional<StoredDtype> dtype, const Source& source,
                 std::vector<Plan>& plans) {
  const auto rows = [&](const StoredTensor& t, StoredDtype as) {
    plans.push_back({Plan::Kind::kRows, &t, {t.name, as, t.shape}});
  };
  const std::string scale_name = tensor.name + std::string(kFp8ScaleSuffix);
  if (!dtype || !is_floating(tensor.dtype)) {
    rows(tensor, tensor.dtype);
    if (!tensor.scale.empty()) {
      const StoredTensor& scale = *source.find(scale_name);
      rows(scale, scale.dtype);
    }
    return;
  }
  const bool is_bias = tensor.name.ends_with("e_score_correction_bias");
  if (is_bias) return rows(tensor, StoredDtype::kF32);
  if (*dtype != StoredDtype::kF8E4M3) return rows(tensor, *dtype);
  if (!is_fp8_matrix(tensor.name) || tensor.shape.size() != 2) {
    return rows(tensor, StoredDtype::kBF16);
  }
  if (is_fp8_already(tensor)) return plan_tensor(tensor, std::nullopt, source, plans);
  plans.push_back({Plan::Kind::kFp8, &tensor, {tensor.name, StoredDtype::kF8E4M3, tensor.shape}});
  plans.push_back(
      {Plan::Kind::kFp8Scale, &tensor, {scale_name, StoredDtype::kF32, scale_shape(tensor)}});
}

/// Writes the codes; returns the scales.
Result<std::vector<float>> stream_fp8(const StoredTensor& tensor, ThreadPool& pool,
                                      const ByteSink& sink) {
  const int64_t N = tensor.shape[0], K = tensor.shape[1];
  const int64_t n_blocks = scale_shape(tensor)[1], n_piece = rows_in_piece(tensor, kFp8Block);
  std::vector<float> scales(scale_shape(tensor)[0] * n_blocks);
  std::vector<float> rows(std::min(n_piece, N) * K);
  std::vector<uint8_t> codes(rows.size());
  for (int64_t begin = 0; begin < N; begin += n_piece) {
    const int64_t n = std::min(n_piece, N - begin), n_strips = (n + kFp8Block - 1) / kFp8Block;
    R1_RETURN_IF_ERROR(parallel_rows(pool, n_strips, 1, [&](int64_t first, int64_t last) {
      Result<void> read;
      for (int64_t strip = first; strip < last && read; ++strip) {
        const int64_t at = strip * kFp8Block, n_rows = std::min(kFp8Block, n - at);
        const Tensor to(rows.data() + at * K, Dtype::kF32, {n_rows, K});
        read = read_rows(tensor, begin + at, begin + at + n_rows, to);
        if (!read) break;
        quantize_fp8_rows(to.f32(), n_rows, K, codes.data() + at * K,
                          scales.data() + (begin + at) / kFp8Block * n_blocks);
      }
      return read;
    }));
    R1_RETURN_IF_ERROR(sink(std::as_bytes(std::span(codes).first(n * K))));
    release_rows(tensor, begin, begin + n);
  }
  return scales;
}

}  // namespace

Result<void> stream_rows(const StoredTensor& tensor, int64_t begin, int64_t end, StoredDtype as,
                         ThreadPool& pool, const ByteSink& sink) {
  const int64_t unit = std::max<int64_t>(1, tensor.order.head_rows);
  const int64_t row_bytes = stored_bytes(as, tensor.row_elements());
  const int64_t n_piece = rows_in_piece(tensor, unit);
  std::vector<std::byte> piece(std::min(n_piece, end - begin) * row_bytes);
  for (int64_t at = begin; at < end; at += n_piece) {
    const int64_t n = std::min(n_piece, end - at);
    R1_RETURN_IF_ERROR(parallel_rows(pool, n, unit, [&](int64_t first, int64_t last) {
      return read_rows_as(tensor, at + first, at + last, as, piece.data() + first * row_bytes);
    }));
    R1_RETURN_IF_ERROR(sink(std::span(piece).first(n * row_bytes)));
    release_rows(tensor, at, at + n);
  }
  return {};
}

Result<void> write_folder_weights(const Path& folder, const Source& source,
                                  std::optional<StoredDtype> dtype, ThreadPool& pool,
                                  const std::function<void(int64_t done, int64_t total)>& written) {
  std::vector<Plan> plans;
  for (const StoredTensor& tensor : source.tensors()) {
    if (!tensor.is_consumed) plan_tensor(tensor, dtype, source, plans);
  }
  int64_t total = 0, done = 0;
  std::vector<TensorHeader> headers;
  for (const Plan& plan : plans) {
    headers.push_back(plan.header);
    total += plan.header.bytes();
  }
  R1_TRY(SafetensorsWriter writer, SafetensorsWriter::create(folder, std::move(headers)));
  const ByteSink sink = [&](std::span<const std::byte> bytes) {
    done += static_cast<int64_t>(bytes.size());
    written(done, total);
    return writer.write(bytes);
  };
  std::vector<float> scales;
  for (const Plan& plan : plans) {
    if (plan.kind == Plan::Kind::kRows) {
      R1_RETURN_IF_ERROR(
          stream_rows(*plan.tensor, 0, plan.tensor->rows(), plan.header.dtype, pool, sink));
    } else if (plan.kind == Plan::Kind::kFp8) {
      R1_TRY(scales, stream_fp8(*plan.tensor, pool, sink));
    } else {
      R1_RETURN_IF_ERROR(sink(std::as_bytes(std::span(scales))));
    }
  }
  return writer.commit();
}

}  // namespace r1
