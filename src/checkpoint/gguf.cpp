// Layout: magic, version, counts, metadata, tensor infos, padding, data.
//   [ggml-org/ggml docs/gguf.md]
#include "checkpoint/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "checkpoint/gguf_types.h"
#include "tensor/quant.h"

namespace r1 {
namespace {

constexpr const char* kAgain = "download or copy it again";
constexpr uint64_t kMaxName = 65535;  // bytes of a key or of a tensor's name
constexpr uint64_t kMaxAlignment = 1 << 20;

std::string clip(std::string_view text) {
  std::string safe;
  for (const char c : text.substr(0, 80)) safe += static_cast<uint8_t>(c) < 32 ? '?' : c;
  return safe;
}

/// Walks over the header; every length is compared with what is left before it is used.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  size_t at() const { return at_; }
  size_t left() const { return bytes_.size() - at_; }

  Result<std::string_view> take(uint64_t n, const char* what) {
    if (n > left()) {
      return fail("file is truncated or damaged: {} at offset {} takes {} bytes, {} are left; {}",
                  what, at_, n, left(), kAgain);
    }
    const auto* data = reinterpret_cast<const char*>(bytes_.data()) + at_;
    at_ += n;
    return std::string_view(data, n);
  }

  template <class T>
  Result<T> number(const char* what) {
    R1_TRY(const std::string_view raw, take(sizeof(T), what));
    T value;
    std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }

  Result<std::string_view> text(const char* what, uint64_t longest) {
    R1_TRY(const uint64_t n, number<uint64_t>(what));
    if (n > longest) {
      return fail("{} at offset {} is said to have {} bytes, above the limit of {}; {}", what,
                  at_ - 8, n, longest, kAgain);
    }
    return take(n, what);
  }

 private:
  std::span<const std::byte> bytes_;
  size_t at_ = 0;
};

/// Bytes of a value of fixed size; 0 for texts and lists.
int64_t size_of(GgufType type) {
  constexpr std::array<int8_t, 13> kSizes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return kSizes[static_cast<uint32_t>(type)];
}

bool is_real(GgufType type) { return type == GgufType::kF32 || type == GgufType::kF64; }

template <class T>
T load_as(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

double real_at(GgufType type, const char* from) {
  return type == GgufType::kF32 ? load_as<float>(from) : load_as<double>(from);
}

int64_t whole_at(GgufType type, const char* from) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kBool:
      return load_as<uint8_t>(from);
    case GgufType::kI8:
      return load_as<int8_t>(from);
    case GgufType::kU16:
      return load_as<uint16_t>(from);
    case GgufType::kI16:
      return load_as<int16_t>(from);
    case GgufType::kU32:
      return load_as<uint32_t>(from);
    case GgufType::kI32:
      return load_as<int32_t>(from);
    default:
      return load_as<int64_t>(from);
  }
}

Result<GgufType> read_type(Reader& reader) {
  R1_TRY(const uint32_t id, reader.number<uint32_t>("the type of a value"));
  if (id > static_cast<uint32_t>(GgufType::kF64)) {
    return fail("value type {} at offset {} is not known; {}", id, reader.at() - 4, kAgain);
  }
  return static_cast<GgufType>(id);
}

/// A list of n texts or of n numbers of one type.
Result<GgufValue> read_list(Reader& reader) {
  R1_TRY(const GgufType type, read_type(reader));
  if (type == GgufType::kArray) return fail("a list of lists is not supported");
  R1_TRY(const uint64_t n, reader.number<uint64_t>("the length of a list"));
  const int64_t size = size_of(type), smallest = size > 0 ? size : 8;  // a text has a length field
  if (n > reader.left() / smallest) {
    return fail("file is truncated or damaged: a list at offset {} is said to have {} items; {}",
                reader.at() - 8, n, kAgain);
  }
  if (type == GgufType::kText) {
    std::vector<std::string> items;
    items.reserve(n);
    for (uint64_t i = 0; i < n; ++i) {
      R1_TRY(const std::string_view item, reader.text("a text of a list", UINT64_MAX));
      items.emplace_back(item);
    }
    return GgufValue{type, std::move(items)};
  }
  R1_TRY(const std::string_view raw, reader.take(n * size, "a list"));
  if (is_real(type)) {
    std::vector<double> items(n);
    for (uint64_t i = 0; i < n; ++i) items[i] = real_at(type, raw.data() + i * size);
    return GgufValue{type, std::move(items)};
  }
  std::vector<int64_t> items(n);
  for (uint64_t i = 0; i < n; ++i) items[i] = whole_at(type, raw.data() + i * size);
  return GgufValue{type, std::move(items)};
}

Result<GgufValue> read_value(Reader& reader) {
  R1_TRY(const GgufType type, read_type(reader));
  if (type == GgufType::kArray) return read_list(reader);
  if (type == GgufType::kText) {
    R1_TRY(const std::string_view text, reader.text("a text", UINT64_MAX));
    return GgufValue{type, std::string(text)};
  }
  R1_TRY(const std::string_view raw, reader.take(size_of(type), "a value"));
  if (is_real(type)) return GgufValue{type, real_at(type, raw.data())};
  return GgufValue{type, whole_at(type, raw.data())};
}

Result<GgufMetadata> read_metadata(Reader& reader, uint64_t n) {
  GgufMetadata metadata;
  std::set<std::string, std::less<>> keys;
  for (uint64_t i = 0; i < n; ++i) {
    R1_TRY(const std::string_view key, reader.text("a metadata key", kMaxName));
    auto value = read_value(reader);
    if (!value) return fail_with(value.error().with("key '" + clip(key) + "'"));
    if (!keys.emplace(key).second) return fail("key '{}' is there twice; {}", clip(key), kAgain);
    metadata.entries.emplace_back(key, std::move(*value));
  }
  return metadata;
}

/// A tensor whose place in the data is known but not yet checked.
struct Info {
  StoredTensor tensor;
  uint64_t offset = 0;
  int64_t n_bytes = 0;
};

/// The row-major shape, whose product fits.
Result<std::vector<int64_t>> read_shape(Reader& reader) {
  R1_TRY(const uint32_t rank, reader.number<uint32_t>("the number of dimensions"));
  if (rank > gguf::kMaxDimensions) {
    return fail("has {} dimensions, at most {} are possible; {}", rank, gguf::kMaxDimensions,
                kAgain);
  }
  std::vector<int64_t> shape(rank);
  int64_t n = 1;
  for (uint32_t i = 0; i < rank; ++i) {
    R1_TRY(const uint64_t size, reader.number<uint64_t>("a dimension"));
    if (size == 0 || size > static_cast<uint64_t>(INT64_MAX / 16 / n)) {
      return fail("dimension {} at offset {} is {}; {}", i, reader.at() - 8, size, kAgain);
    }
    shape[rank - 1 - i] = static_cast<int64_t>(size);
    n *= static_cast<int64_t>(size);
  }
  return shape;
}

Result<Info> read_info(Reader& reader, int64_t alignment) {
  Info info;
  R1_TRY(info.tensor.shape, read_shape(reader));
  R1_TRY(const uint32_t type, reader.number<uint32_t>("the type of a tensor"));
  const auto dtype = gguf::dtype_of(type);
  if (!dtype) {
    return fail(
        "has type {}, which is not supported; requantise the model as Q8_0, Q6_K, Q5_K, Q4_K, "
        "Q4_0, BF16, F16 or F32",
        gguf::type_name(type));
  }
  info.tensor.dtype = *dtype;
  const int64_t cols = info.tensor.shape.empty() ? 1 : info.tensor.shape.back();
  int64_t n = 1;
  for (const int64_t size : info.tensor.shape) n *= size;
  if (const auto format = block_format(*dtype); format && cols % block_elements(*format) != 0) {
    return fail("has rows of {} elements, which are no blocks of {}; {}", cols,
                block_elements(*format), kAgain);
  }
  info.n_bytes = stored_bytes(*dtype, n);
  R1_TRY(info.offset, reader.number<uint64_t>("the offset of a tensor"));
  if (info.offset % alignment != 0) {
    return fail("begins at {} of the data, which is no multiple of {}; {}", info.offset, alignment,
                kAgain);
  }
  return info;
}

Result<std::vector<Info>> read_infos(Reader& reader, uint64_t n, int64_t alignment) {
  std::vector<Info> infos;
  std::set<std::string, std::less<>> names;
  for (uint64_t i = 0; i < n; ++i) {
    R1_TRY(const std::string_view name, reader.text("a tensor's name", kMaxName));
    auto info = read_info(reader, alignment);
    if (!info) return fail_with(info.error().with("tensor '" + clip(name) + "'"));
    if (!names.emplace(name).second)
      return fail("tensor '{}' is there twice; {}", clip(name), kAgain);
    info->tensor.name = name;
    infos.push_back(std::move(*info));
  }
  return infos;
}

/// Points each tensor at its bytes: inside the file, and none in another's.
Result<void> place(std::vector<Info>& infos, std::span<const std::byte> data, size_t data_begin) {
  std::vector<Info*> sorted;
  for (Info& info : infos) sorted.push_back(&info);
  std::ranges::stable_sort(sorted, {}, &Info::offset);
  uint64_t end = 0;
  for (Info* info : sorted) {
    const auto n = static_cast<uint64_t>(info->n_bytes);
    if (info->offset > data.size() || n > data.size() - info->offset) {
      return fail("file is truncated: tensor '{}' takes bytes {} to {} of it, but it has {}; {}",
                  clip(info->tensor.name), data_begin + info->offset, data_begin + info->offset + n,
                  data_begin + data.size(), kAgain);
    }
    if (info->offset < end) {
      return fail("tensor '{}' at offset {} overlaps the one before it; {}",
                  clip(info->tensor.name), data_begin + info->offset, kAgain);
    }
    info->tensor.bytes = data.subspan(info->offset, n);
    end = info->offset + n;
  }
  return {};
}

Result<uint32_t> read_version(Reader& reader) {
  R1_TRY(const uint32_t magic, reader.number<uint32_t>("the magic number"));
  if (magic != gguf::kMagic) {
    return fail("is not a GGUF file: it does not begin with 'GGUF'; give a .gguf file or a folder");
  }
  R1_TRY(const uint32_t version, reader.number<uint32_t>("the version"));
  if (version == 2 || version == 3) return version;
  if (version != 0 && (version & 0xFFFF) == 0) {
    return fail("is a big-endian GGUF file; convert it to little endian with llama.cpp's tools");
  }
  return fail("has GGUF version {}; versions 2 and 3 are supported, so convert the model again",
              version);
}

Result<int64_t> read_alignment(const GgufMetadata& metadata) {
  constexpr const char* kKey = "general.alignment";
  if (metadata.find(kKey) == nullptr) return gguf::kAlignment;
  const auto alignment = metadata.integer(kKey);
  const bool is_good = alignment && *alignment >= 8 &&
                       *alignment <= static_cast<int64_t>(kMaxAlignment) &&
                       (*alignment & (*alignment - 1)) == 0;
  if (!is_good) return fail("key '{}': must be a power of two from 8 on; {}", kKey, kAgain);
  return *alignment;
}

}  // namespace

Result<GgufContents> parse_gguf(std::span<const std::byte> file) {
  Reader reader(file);
  R1_RETURN_IF_ERROR(read_version(reader));
  R1_TRY(const uint64_t n_tensors, reader.number<uint64_t>("the number of tensors"));
  R1_TRY(const uint64_t n_keys, reader.number<uint64_t>("the number of keys"));
  // An entry takes 12 bytes at least, a tensor 24: no count above that is worth a loop.
  if (n_keys > reader.left() / 12 || n_tensors > reader.left() / 24) {
    return fail("is truncated or damaged: {} keys and {} tensors do not fit in {} bytes; {}",
                n_keys, n_tensors, file.size(), kAgain);
  }
  GgufContents contents;
  R1_TRY(contents.metadata, read_metadata(reader, n_keys));
  R1_TRY(const int64_t alignment, read_alignment(contents.metadata));
  R1_TRY(std::vector<Info> infos, read_infos(reader, n_tensors, alignment));
  const size_t header_end = reader.at();
  const size_t begin = std::min(file.size(), (header_end + alignment - 1) / alignment * alignment);
  R1_RETURN_IF_ERROR(place(infos, file.subspan(begin), begin));
  for (Info& info : infos) contents.tensors.push_back(std::move(info.tensor));
  return contents;
}

Result<GgufFile> GgufFile::open(const Path& path) {
  GgufFile opened;
  R1_TRY(opened.file, MappedFile::open(path));
  auto contents = parse_gguf(opened.file.bytes());
  if (!contents) return fail_with(contents.error().with(path.string()));
  opened.contents = std::move(*contents);
  for (StoredTensor& tensor : opened.contents.tensors) tensor.is_mapped = true;
  return opened;
}

}  // namespace r1
