#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "checkpoint/safetensors.h"

namespace r1 {
namespace {

using nlohmann::json;

/// Length and header, padded with spaces so that the data begins at a multiple of 8.
std::string file_head(std::span<const TensorHeader> tensors) {
  std::string header = R"({"__metadata__":{"format":"pt"})";
  int64_t begin = 0;
  for (const TensorHeader& t : tensors) {
    header += fmt::format(R"(,{}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                          json(t.name).dump(), stored_dtype_name(t.dtype), fmt::join(t.shape, ","),
                          begin, begin + t.bytes());
    begin += t.bytes();
  }
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');
  std::string head;
  for (uint64_t i = 0; i < 8; ++i) head += static_cast<char>(header.size() >> (8 * i));
  return head + header;
}

void check_names(std::span<const TensorHeader> tensors) {
  std::set<std::string_view> names = {"__metadata__"};
  for (const TensorHeader& t : tensors) {
    CHECK(names.insert(t.name).second, "tensor name '{}' twice", t.name);
  }
}

std::vector<TensorHeader> headers_of(const std::vector<NamedTensor>& tensors) {
  std::vector<TensorHeader> headers;
  for (const auto& [name, t] : tensors) {
    CHECK(!t.empty(), "tensor '{}' is empty", name);
    headers.push_back({name, stored_dtype(t.dtype), {t.shape.begin(), t.shape.begin() + t.rank}});
  }
  check_names(headers);
  return headers;
}

std::span<const std::byte> bytes_of(const Tensor& t) {
  return {static_cast<const std::byte*>(t.data), static_cast<size_t>(t.nbytes())};
}

int64_t total_bytes(std::span<const TensorHeader> tensors) {
  int64_t bytes = 0;
  for (const TensorHeader& t : tensors) bytes += t.bytes();
  return bytes;
}

/// Fails before the first byte is written. A disk that cannot be asked is left to the write itself.
Result<void> check_space(const Path& folder, int64_t needed) {
  std::error_code unknown;
  const auto space = std::filesystem::space(folder, unknown);
  if (unknown || space.available >= static_cast<uintmax_t>(needed)) return {};
  return fail(
      "{}: the disk has {} free, the weights need {}; free some space or choose another folder",
      folder.string(), human_bytes(static_cast<double>(space.available)),
      human_bytes(static_cast<double>(needed)));
}

/// In order, each shard as full as it may be; a tensor above the limit is a shard of its own.
std::vector<size_t> shard_ends(std::span<const TensorHeader> tensors, size_t max_bytes) {
  std::vector<size_t> ends;
  size_t begin = 0, bytes = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const size_t size = tensors[i].bytes();
    if (i > begin && bytes + size > max_bytes) {
      ends.push_back(i);
      begin = i;
      bytes = 0;
    }
    bytes += size;
  }
  ends.push_back(tensors.size());
  return ends;
}

std::string shard_name(size_t i, size_t n) {
  if (n == 1) return kWeightsName;
  return fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, n);
}

bool is_shard_name(const std::string& name) {  // model-00001-of-00002.safetensors
  return name.size() == 32 && name.starts_with("model-") && name.substr(11, 4) == "-of-" &&
         name.ends_with(".safetensors");
}

/// Removes the weights of another model; its index first, so that a kill on the way leaves no half
/// model.
Result<void> remove_others(const Path& folder, const std::set<std::string>& written) {
  std::vector<Path> others;
  std::error_code failed;
  if (!written.contains(kIndexName)) others.push_back(folder / kIndexName);
  if (!written.contains(kWeightsName)) others.push_back(folder / kWeightsName);
  for (const auto& file : std::filesystem::directory_iterator(folder, failed)) {
    const std::string name = file.path().filename().string();
    if (is_shard_name(name) && !written.contains(name)) others.push_back(file.path());
  }
  for (const Path& other : others) {
    std::filesystem::remove(other, failed);
    if (failed)
      return fail("{}: old weights cannot be removed: {}", other.string(), failed.message());
  }
  return {};
}

}  // namespace

int64_t TensorHeader::bytes() const {
  int64_t n = stored_dtype_size(dtype);
  for (const int64_t size : shape) n *= size;
  return n;
}

Result<void> write_safetensors_file(const Path& file, const std::vector<NamedTensor>& tensors) {
  const std::vector<TensorHeader> headers = headers_of(tensors);
  R1_RETURN_IF_ERROR(check_space(file.parent_path(), total_bytes(headers)));
  R1_TRY(AtomicFile written, AtomicFile::create(file));
  R1_RETURN_IF_ERROR(written.write(file_head(headers)));
  for (const NamedTensor& t : tensors) R1_RETURN_IF_ERROR(written.write(bytes_of(t.tensor)));
  return written.commit();
}

Result<void> write_safetensors(const Path& folder, const std::vector<NamedTensor>& tensors,
                               size_t max_shard_bytes) {
  R1_TRY(SafetensorsWriter writer,
         SafetensorsWriter::create(folder, headers_of(tensors), max_shard_bytes));
  for (const NamedTensor& t : tensors) R1_RETURN_IF_ERROR(writer.write(bytes_of(t.tensor)));
  return writer.commit();
}

Result<SafetensorsWriter> SafetensorsWriter::create(const Path& folder,
                                                    std::vector<TensorHeader> tensors,
                                                    size_t max_shard_bytes) {
  check_names(tensors);
  R1_RETURN_IF_ERROR(make_folder(folder));
  R1_RETURN_IF_ERROR(check_space(folder, total_bytes(tensors)));
  SafetensorsWriter writer;
  writer.folder_ = folder;
  writer.shard_ends_ = shard_ends(tensors, max_shard_bytes);
  writer.tensors_ = std::move(tensors);
  R1_RETURN_IF_ERROR(writer.open_next());
  return writer;
}

Result<void> SafetensorsWriter::open_next() {
  const size_t i = files_.size(), begin = i == 0 ? 0 : shard_ends_[i - 1];
  const auto shard = std::span(tensors_).subspan(begin, shard_ends_[i] - begin);
  const std::string name = shard_name(i, shard_ends_.size());
  R1_TRY(AtomicFile file, AtomicFile::create(folder_ / name));
  R1_RETURN_IF_ERROR(file.write(file_head(shard)));
  files_.push_back(std::move(file));
  names_.insert(name);
  left_ = total_bytes(shard);
  return {};
}

Result<void> SafetensorsWriter::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (left_ == 0) {
      CHECK(files_.size() < shard_ends_.size(), "{} bytes too many", bytes.size());
      R1_RETURN_IF_ERROR(open_next());
      continue;
    }
    const auto now = bytes.first(std::min<size_t>(bytes.size(), left_));
    R1_RETURN_IF_ERROR(files_.back().write(now));
    left_ -= static_cast<int64_t>(now.size());
    bytes = bytes.subspan(now.size());
  }
  return {};
}

Result<void> SafetensorsWriter::commit() {
  // Shards of empty tensors only wait for no byte.
  while (left_ == 0 && files_.size() < shard_ends_.size()) R1_RETURN_IF_ERROR(open_next());
  CHECK(left_ == 0, "{} bytes too few", left_);
  if (shard_ends_.size() > 1) {
    json index = {{"metadata", {{"total_size", total_bytes(tensors_)}}},
                  {"weight_map", json::object()}};
    for (size_t i = 0, t = 0; i < shard_ends_.size(); ++i) {
      for (; t < shard_ends_[i]; ++t) {
        index["weight_map"][tensors_[t].name] = shard_name(i, shard_ends_.size());
      }
    }
    R1_TRY(AtomicFile file, AtomicFile::create(folder_ / kIndexName));
    R1_RETURN_IF_ERROR(file.write(index.dump(2) + "\n"));
    files_.push_back(std::move(file));
    names_.insert(kIndexName);
    // A kill among the renames below must not leave an old index over new shards.
    std::error_code absent;
    std::filesystem::remove(folder_ / kIndexName, absent);
  }
  for (AtomicFile& file : files_) R1_RETURN_IF_ERROR(file.commit());
  return remove_others(folder_, names_);
}

}  // namespace r1
