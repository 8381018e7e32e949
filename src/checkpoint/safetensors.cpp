// Layout: u64 header length (little endian), header, data.   [github.com/huggingface/safetensors,
// README]
#include "checkpoint/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/log.h"
#include "checkpoint/strict_json.h"

namespace r1 {
namespace {

using nlohmann::json;

constexpr uint64_t kPrefixBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the reference library's limit
constexpr const char* kAgain = "download or copy it again";

/// A value from the file, short enough for a message.
std::string clip(const json& value) {
  if (!value.is_primitive()) return "a nested value";
  const std::string text = value.dump(-1, ' ', true);
  return text.size() <= 200 ? text : text.substr(0, 200) + "...";
}

/// The header's text, once its length is known to be inside the file.
Result<std::string_view> header_of(std::string_view file) {
  if (file.starts_with("version https://git-lfs")) {
    return fail("this is a Git LFS pointer, not the weights; run `git lfs pull` in its folder");
  }
  if (file.size() < kPrefixBytes) {
    return fail("file is truncated: has {} bytes, its length field alone takes {}; {}", file.size(),
                kPrefixBytes, kAgain);
  }
  uint64_t length = 0;
  for (int i = kPrefixBytes - 1; i >= 0; --i) length = length << 8 | static_cast<uint8_t>(file[i]);
  if (length > kMaxHeaderBytes) {
    return fail(
        "header length {} is above the limit of {} bytes: not a safetensors file, or a "
        "damaged one; {}",
        length, kMaxHeaderBytes, kAgain);
  }
  if (length > file.size() - kPrefixBytes) {
    return fail("file is truncated: has {} of at least {} bytes (the header ends there); {}",
                file.size(), kPrefixBytes + length, kAgain);
  }
  return file.substr(kPrefixBytes, length);
}

/// The elements of `field`, whole numbers from 0 to 2^63 - 1.
Result<std::vector<int64_t>> read_sizes(const json& entry, const char* field) {
  const auto found = entry.find(field);
  if (found == entry.end() || !found->is_array()) {
    return fail("field '{}' is not a list of numbers; {}", field, kAgain);
  }
  std::vector<int64_t> sizes;
  for (const json& item : *found) {
    if (!item.is_number_unsigned() || item.get<uint64_t>() > INT64_MAX) {
      return fail("field '{}': {} is not a whole number from 0 to 2^63 - 1; {}", field, clip(item),
                  kAgain);
    }
    sizes.push_back(item.get<int64_t>());
  }
  return sizes;
}

/// Bytes that dtype and shape ask for.
Result<int64_t> needed_bytes(const StoredTensor& tensor) {
  int64_t bytes = stored_dtype_size(tensor.dtype);
  for (const int64_t size : tensor.shape) {
    if (__builtin_mul_overflow(bytes, size, &bytes)) {
      return fail("field 'shape': {} elements are more than 2^63 bytes; {}", tensor.shape_text(),
                  kAgain);
    }
  }
  return bytes;
}

/// A tensor whose place in the data is known but not yet checked.
struct Entry {
  StoredTensor tensor;
  int64_t begin = 0, end = 0;
};

Result<Entry> parse_entry(const std::string& name, const json& json_entry) {
  Entry entry;
  entry.tensor.name = name;
  if (!json_entry.is_object()) return fail("its entry is not an object; {}", kAgain);
  const auto dtype = json_entry.find("dtype");
  if (dtype == json_entry.end() || !dtype->is_string()) {
    return fail("field 'dtype' is not a string; {}", kAgain);
  }
  const auto known = parse_stored_dtype(dtype->get_ref<const std::string&>());
  if (!known) {
    return fail("field 'dtype': {} is not known; convert the tensor to one of {}", clip(*dtype),
                known_stored_dtypes());
  }
  entry.tensor.dtype = *known;
  R1_TRY(entry.tensor.shape, read_sizes(json_entry, "shape"));
  R1_TRY(const auto offsets, read_sizes(json_entry, "data_offsets"));
  if (offsets.size() != 2) {
    return fail("field 'data_offsets' has {} numbers instead of 2; {}", offsets.size(), kAgain);
  }
  entry.begin = offsets[0];
  entry.end = offsets[1];
  if (entry.begin > entry.end) {
    return fail("field 'data_offsets': begin {} is after end {}; {}", entry.begin, entry.end,
                kAgain);
  }
  R1_TRY(const int64_t needed, needed_bytes(entry.tensor));
  if (entry.end - entry.begin != needed) {
    return fail("field 'data_offsets' has room for {} bytes, but {} {} takes {}; {}",
                entry.end - entry.begin, stored_dtype_name(*known), entry.tensor.shape_text(),
                needed, kAgain);
  }
  return entry;
}

/// Sorts by position; then each tensor must begin where the one before it ends, and the last where
/// the file does.
Result<void> check_layout(std::vector<Entry>& entries, size_t header_end, size_t file_size) {
  std::ranges::stable_sort(entries, {}, [](const Entry& e) { return std::pair(e.begin, e.end); });
  int64_t end = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != end) {
      return fail(
          "tensor '{}': field 'data_offsets' begins at {}, but the tensor before it ends at {} "
          "({}); {}",
          entry.tensor.name, entry.begin, end, entry.begin < end ? "they overlap" : "a hole",
          kAgain);
    }
    end = entry.end;
  }
  const uint64_t expected = header_end + static_cast<uint64_t>(end);
  if (file_size < expected) {
    return fail("file is truncated: has {} of {} bytes; {}", file_size, expected, kAgain);
  }
  if (file_size > expected) {
    return fail("file has {} bytes, its header describes {}; {}", file_size, expected, kAgain);
  }
  return {};
}

void append(std::string& header, const NamedTensor& named, int64_t begin) {
  const Tensor& t = named.tensor;
  header +=
      fmt::format(R"(,{}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                  json(named.name).dump(), stored_dtype_name(stored_dtype(t.dtype)),
                  fmt::join(std::span(t.shape.data(), t.rank), ","), begin, begin + t.nbytes());
}

/// Length and header, padded with spaces so that the data begins at a multiple of 8.
std::string file_head(std::span<const NamedTensor> tensors) {
  std::string header = R"({"__metadata__":{"format":"pt"})";
  int64_t begin = 0;
  for (const NamedTensor& named : tensors) {
    append(header, named, begin);
    begin += named.tensor.nbytes();
  }
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');
  std::string head;
  for (uint64_t i = 0; i < kPrefixBytes; ++i) head += static_cast<char>(header.size() >> (8 * i));
  return head + header;
}

/// Written but not yet under its name: the caller commits.
Result<AtomicFile> stream(const Path& path, std::span<const NamedTensor> tensors) {
  R1_TRY(AtomicFile file, AtomicFile::create(path));
  R1_RETURN_IF_ERROR(file.write(file_head(tensors)));
  for (const NamedTensor& named : tensors) {
    const auto* data = static_cast<const std::byte*>(named.tensor.data);
    R1_RETURN_IF_ERROR(file.write(std::span(data, named.tensor.nbytes())));
  }
  return file;
}

void check_names(std::span<const NamedTensor> tensors) {
  std::set<std::string_view> names = {"__metadata__"};
  for (const NamedTensor& named : tensors) {
    CHECK(names.insert(named.name).second, "tensor name '{}' twice", named.name);
    CHECK(!named.tensor.empty(), "tensor '{}' is empty", named.name);
  }
}

int64_t total_bytes(std::span<const NamedTensor> tensors) {
  int64_t bytes = 0;
  for (const NamedTensor& named : tensors) bytes += named.tensor.nbytes();
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
std::vector<std::span<const NamedTensor>> split(std::span<const NamedTensor> tensors,
                                                size_t max_bytes) {
  std::vector<std::span<const NamedTensor>> shards;
  size_t begin = 0, bytes = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const size_t size = tensors[i].tensor.nbytes();
    if (i > begin && bytes + size > max_bytes) {
      shards.push_back(tensors.subspan(begin, i - begin));
      begin = i;
      bytes = 0;
    }
    bytes += size;
  }
  shards.push_back(tensors.subspan(begin));
  return shards;
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

Result<std::vector<StoredTensor>> parse_safetensors(std::span<const std::byte> file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  R1_TRY(const std::string_view header, header_of(text));
  auto parsed = parse_strict_json(header);
  if (!parsed) return fail("header: {}; {}", parsed.error().message, kAgain);
  if (!parsed->is_object()) return fail("header is not a JSON object; {}", kAgain);
  std::vector<Entry> entries;
  for (const auto& [name, entry] : parsed->items()) {
    if (name == "__metadata__") continue;
    auto parsed_entry = parse_entry(name, entry);
    if (!parsed_entry) return fail_with(parsed_entry.error().with("tensor " + clip(name)));
    entries.push_back(std::move(*parsed_entry));
  }
  const size_t header_end = kPrefixBytes + header.size();
  R1_RETURN_IF_ERROR(check_layout(entries, header_end, file.size()));
  std::vector<StoredTensor> tensors;
  for (Entry& entry : entries) {
    entry.tensor.bytes = file.subspan(header_end + entry.begin, entry.end - entry.begin);
    tensors.push_back(std::move(entry.tensor));
  }
  return tensors;
}

Result<SafetensorsFile> SafetensorsFile::open(const Path& path) {
  SafetensorsFile opened;
  R1_TRY(opened.file_, MappedFile::open(path));
  auto tensors = parse_safetensors(opened.file_.bytes());
  if (!tensors) return fail_with(tensors.error().with(path.string()));
  opened.tensors_ = std::move(*tensors);
  return opened;
}

Result<void> write_safetensors_file(const Path& file, const std::vector<NamedTensor>& tensors) {
  check_names(tensors);
  R1_RETURN_IF_ERROR(check_space(file.parent_path(), total_bytes(tensors)));
  R1_TRY(AtomicFile written, stream(file, tensors));
  return written.commit();
}

Result<void> write_safetensors(const Path& folder, const std::vector<NamedTensor>& tensors,
                               size_t max_shard_bytes) {
  check_names(tensors);
  R1_RETURN_IF_ERROR(make_folder(folder));
  R1_RETURN_IF_ERROR(check_space(folder, total_bytes(tensors)));
  const auto shards = split(tensors, max_shard_bytes);
  json index = {{"metadata", {{"total_size", total_bytes(tensors)}}},
                {"weight_map", json::object()}};
  std::vector<AtomicFile> files;  // all complete before the first takes its name
  std::set<std::string> names;
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name =
        shards.size() == 1 ? kWeightsName
                           : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    R1_TRY(AtomicFile file, stream(folder / name, shards[i]));
    files.push_back(std::move(file));
    names.insert(name);
    for (const NamedTensor& named : shards[i]) index["weight_map"][named.name] = name;
  }
  if (shards.size() > 1) {
    R1_TRY(AtomicFile file, AtomicFile::create(folder / kIndexName));
    R1_RETURN_IF_ERROR(file.write(index.dump(2) + "\n"));
    files.push_back(std::move(file));
    names.insert(kIndexName);
    // A kill among the renames below must not leave an old index over new shards.
    std::error_code absent;
    std::filesystem::remove(folder / kIndexName, absent);
  }
  for (AtomicFile& file : files) R1_RETURN_IF_ERROR(file.commit());
  return remove_others(folder, names);
}

}  // namespace r1
