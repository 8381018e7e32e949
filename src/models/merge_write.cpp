#include "models/merge_write.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>

#include "checkpoint/stream.h"

namespace r1 {
namespace {

constexpr int64_t kPieceElements = 4 << 20;  // of one tensor in memory

void round_row(const float* from, StoredDtype dtype, std::byte* to, int64_t n) {
  if (dtype == StoredDtype::kF32) {
    std::memcpy(to, from, static_cast<size_t>(n) * sizeof(float));
    return;
  }
  auto* bits = reinterpret_cast<uint16_t*>(to);
  for (int64_t i = 0; i < n; ++i) {
    bits[i] = dtype == StoredDtype::kBF16 ? f32_to_bf16(from[i]) : f32_to_f16(from[i]);
  }
}

/// Rows begin … end-1, made and rounded by all threads.
Result<void> make_piece(const RowMaker& make, const MergedTensor& tensor, int64_t begin,
                        int64_t end, std::vector<std::byte>& piece, ThreadPool& pool) {
  const int64_t width = tensor.row_elements();
  const int64_t row_bytes = stored_bytes(tensor.header.dtype, width);
  piece.resize(static_cast<size_t>((end - begin) * row_bytes));
  std::mutex mutex;
  Result<void> first;
  pool.parallel_for(end - begin, 1, [&](int64_t from, int64_t to) {
    std::vector<float> rows(static_cast<size_t>((to - from) * width));
    auto made = make(begin + from, begin + to, rows.data());
    if (made) {
      round_row(rows.data(), tensor.header.dtype, piece.data() + from * row_bytes,
                (to - from) * width);
      return;
    }
    const std::lock_guard lock(mutex);
    if (first) first = fail_with(made.error());
  });
  return first;
}

Result<void> write_made(const MergedTensor& tensor, ThreadPool& pool, const ByteSink& sink) {
  auto make = tensor.open();
  if (!make) return fail_with(make.error().with(tensor.header.name));
  const int64_t N = tensor.rows();
  const int64_t step = std::max<int64_t>(1, kPieceElements / tensor.row_elements());
  std::vector<std::byte> piece;
  for (int64_t begin = 0; begin < N; begin += step) {
    const int64_t end = std::min(N, begin + step);
    auto made = make_piece(*make, tensor, begin, end, piece, pool);
    if (!made) return fail_with(made.error().with(tensor.header.name));
    R1_RETURN_IF_ERROR(sink(piece));
    if (tensor.stored) release_rows(*tensor.stored, begin, end);
  }
  return {};
}

}  // namespace

int64_t MergedTensor::row_elements() const {
  int64_t n = 1;
  for (size_t i = 1; i < header.shape.size(); ++i) n *= header.shape[i];
  return std::max<int64_t>(1, n);
}

StoredDtype merged_dtype(const StoredTensor& tensor) {
  return tensor.scale.empty() ? tensor.dtype : StoredDtype::kBF16;
}

ModelAssets merged_assets(ModelAssets assets) {
  auto config = nlohmann::ordered_json::parse(assets["config.json"], nullptr, false);
  if (config.is_object() && config.erase("quantization_config") > 0) {
    assets["config.json"] = config.dump(2) + "\n";
  }
  return assets;
}

Result<void> check_output(const Path& folder, const std::vector<Path>& inputs, bool force) {
  if (folder.empty()) return fail("give --output_dir: the folder of the merged model");
  std::error_code ignored;
  if (!std::filesystem::exists(folder, ignored)) return {};
  for (const Path& input : inputs) {
    if (!std::filesystem::equivalent(folder, input, ignored)) continue;
    return fail("{}: is an input of the merge; give another --output_dir", folder.string());
  }
  if (!std::filesystem::is_directory(folder, ignored)) {
    return fail("{}: is a file; give a folder as --output_dir", folder.string());
  }
  if (force || std::filesystem::is_empty(folder, ignored)) return {};
  return fail("{}: holds files already; --force replaces the model in it", folder.string());
}

Result<void> write_merged(const Path& folder, const std::vector<MergedTensor>& tensors,
                          const ModelAssets& assets, ThreadPool& pool,
                          const std::function<void(int64_t done, int64_t total)>& written) {
  std::vector<TensorHeader> headers;
  int64_t total = 0, done = 0;
  for (const MergedTensor& tensor : tensors) {
    headers.push_back(tensor.header);
    total += tensor.header.bytes();
  }
  R1_TRY(SafetensorsWriter writer, SafetensorsWriter::create(folder, std::move(headers)));
  const ByteSink sink = [&](std::span<const std::byte> bytes) {
    done += static_cast<int64_t>(bytes.size());
    written(done, total);
    return writer.write(bytes);
  };
  for (const MergedTensor& tensor : tensors) {
    if (tensor.open) {
      R1_RETURN_IF_ERROR(write_made(tensor, pool, sink));
    } else {
      const StoredTensor& stored = *tensor.stored;
      R1_RETURN_IF_ERROR(stream_rows(stored, 0, stored.rows(), tensor.header.dtype, pool, sink));
    }
  }
  R1_RETURN_IF_ERROR(writer.commit());
  for (const auto& [name, text] : assets) {
    R1_RETURN_IF_ERROR(write_text_atomic(folder / name, text));
  }
  return {};
}

}  // namespace r1
