#include <set>

#include "base/log.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_types.h"

namespace r1 {
namespace {

constexpr uint32_t kVersion = 3;

int64_t padded(int64_t n) {
  return (n + gguf::kAlignment - 1) / gguf::kAlignment * gguf::kAlignment;
}

/// The header's bytes as they grow.
class Header {
 public:
  template <class T>
  void number(T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof value);
    bytes_.append(raw, sizeof raw);
  }
  void text(std::string_view text) {
    number<uint64_t>(text.size());
    bytes_ += text;
  }
  void whole(GgufType type, int64_t x) {
    switch (type) {
      case GgufType::kU8:
      case GgufType::kI8:
      case GgufType::kBool:
        return number(static_cast<uint8_t>(x));
      case GgufType::kU16:
      case GgufType::kI16:
        return number(static_cast<uint16_t>(x));
      case GgufType::kU32:
      case GgufType::kI32:
        return number(static_cast<uint32_t>(x));
      default:
        return number(x);
    }
  }
  void real(GgufType type, double x) {
    if (type == GgufType::kF32) return number(static_cast<float>(x));
    number(x);
  }
  void value(const GgufValue& value);
  void pad() { bytes_.resize(padded(static_cast<int64_t>(bytes_.size()))); }
  const std::string& bytes() const { return bytes_; }

 private:
  void type(GgufType type) { number(static_cast<uint32_t>(type)); }
  void list_head(GgufType item, size_t n) {
    type(GgufType::kArray);
    type(item);
    number<uint64_t>(n);
  }
  std::string bytes_;
};

void Header::value(const GgufValue& value) {
  if (const auto* x = std::get_if<int64_t>(&value.value)) {
    type(value.type);
    whole(value.type, *x);
  } else if (const auto* x = std::get_if<double>(&value.value)) {
    type(value.type);
    real(value.type, *x);
  } else if (const auto* x = std::get_if<std::string>(&value.value)) {
    type(value.type);
    text(*x);
  } else if (const auto* items = std::get_if<std::vector<int64_t>>(&value.value)) {
    list_head(value.type, items->size());
    for (const int64_t item : *items) whole(value.type, item);
  } else if (const auto* items = std::get_if<std::vector<double>>(&value.value)) {
    list_head(value.type, items->size());
    for (const double item : *items) real(value.type, item);
  } else {
    const auto& texts = std::get<std::vector<std::string>>(value.value);
    list_head(value.type, texts.size());
    for (const std::string& item : texts) text(item);
  }
}

/// Everything before the data; the offsets count from where the data begins.
std::string file_head(const GgufMetadata& metadata, const std::vector<GgufTensor>& tensors) {
  Header header;
  header.number(gguf::kMagic);
  header.number(kVersion);
  header.number<uint64_t>(tensors.size());
  header.number<uint64_t>(metadata.entries.size());
  for (const auto& [key, value] : metadata.entries) {
    header.text(key);
    header.value(value);
  }
  std::set<std::string_view> names;
  int64_t offset = 0;
  for (const GgufTensor& tensor : tensors) {
    const auto id = gguf::id_of(tensor.dtype);
    CHECK(id && tensor.shape.size() <= gguf::kMaxDimensions && names.insert(tensor.name).second,
          "tensor '{}' {}", tensor.name, stored_dtype_name(tensor.dtype));
    header.text(tensor.name);
    header.number(static_cast<uint32_t>(tensor.shape.size()));
    for (size_t i = tensor.shape.size(); i > 0; --i) header.number(tensor.shape[i - 1]);
    header.number(*id);
    header.number(offset);
    offset += padded(tensor.bytes());
  }
  header.pad();
  return header.bytes();
}

}  // namespace

int64_t GgufTensor::bytes() const {
  int64_t n = 1;
  for (const int64_t size : shape) n *= size;
  return stored_bytes(dtype, n);
}

Result<GgufWriter> GgufWriter::create(const Path& path, const GgufMetadata& metadata,
                                      std::vector<GgufTensor> tensors) {
  const std::string head = file_head(metadata, tensors);
  int64_t needed = static_cast<int64_t>(head.size());
  for (const GgufTensor& tensor : tensors) needed += padded(tensor.bytes());
  std::error_code unknown;
  const Path folder = path.parent_path().empty() ? Path(".") : path.parent_path();
  const auto space = std::filesystem::space(folder, unknown);
  if (!unknown && space.available < static_cast<uintmax_t>(needed)) {
    return fail("{}: the disk has {} free, the file needs {}; free some space or choose another",
                path.string(), human_bytes(static_cast<double>(space.available)),
                human_bytes(static_cast<double>(needed)));
  }
  R1_TRY(AtomicFile file, AtomicFile::create(path));
  R1_RETURN_IF_ERROR(file.write(head));
  return GgufWriter(std::move(file), std::move(tensors));
}

Result<void> GgufWriter::finish_tensor() {
  const int64_t n_bytes = tensors_[current_].bytes();
  const std::string padding(padded(n_bytes) - n_bytes, '\0');
  ++current_;
  written_ = 0;
  return file_.write(padding);
}

Result<void> GgufWriter::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    CHECK(current_ < tensors_.size(), "{} bytes too many", bytes.size());
    const int64_t n_bytes = tensors_[current_].bytes();
    const auto now = bytes.first(std::min<size_t>(bytes.size(), n_bytes - written_));
    R1_RETURN_IF_ERROR(file_.write(now));
    written_ += static_cast<int64_t>(now.size());
    bytes = bytes.subspan(now.size());
    if (written_ == n_bytes) R1_RETURN_IF_ERROR(finish_tensor());
  }
  return {};
}

Result<void> GgufWriter::commit() {
  CHECK(current_ == tensors_.size(), "{} of {} tensors written", current_, tensors_.size());
  return file_.commit();
}

}  // namespace r1
