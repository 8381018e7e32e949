// Layout: u64 header length (little endian), header, data.   [github.com/huggingface/safetensors,
// README]
#include "checkpoint/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

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
  for (StoredTensor& tensor : opened.tensors_) tensor.is_mapped = true;
  return opened;
}

}  // namespace r1
