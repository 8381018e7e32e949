// GGUF files: metadata and tensors of a model in one file, as llama.cpp reads them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/file.h"
#include "checkpoint/stored.h"

namespace r1 {

/// The types of metadata values, with their numbers in the file.
enum class GgufType : uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kText,
  kArray,
  kU64,
  kI64,
  kF64
};

/// A value, or a list of values of one type. Whole numbers are kept as their 64 bits.
struct GgufValue {
  GgufType type = GgufType::kU32;  // of the value, or of the list's items
  std::variant<int64_t, double, std::string, std::vector<int64_t>, std::vector<double>,
               std::vector<std::string>>
      value;

  static GgufValue u32(int64_t x) { return {GgufType::kU32, x}; }
  static GgufValue boolean(bool x) { return {GgufType::kBool, int64_t{x}}; }
  static GgufValue f32(double x) { return {GgufType::kF32, x}; }
  static GgufValue text(std::string x) { return {GgufType::kText, std::move(x)}; }
  static GgufValue texts(std::vector<std::string> x) { return {GgufType::kText, std::move(x)}; }
  static GgufValue i32s(std::vector<int64_t> x) { return {GgufType::kI32, std::move(x)}; }
  static GgufValue f32s(std::vector<double> x) { return {GgufType::kF32, std::move(x)}; }
};

/// In the order of the file; keys are unique.
struct GgufMetadata {
  std::vector<std::pair<std::string, GgufValue>> entries;

  const GgufValue* find(std::string_view key) const;
  void set(std::string key, GgufValue value);  // replaces, or appends

  /// nullopt when there is no such key or it has another kind of value.
  std::optional<int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> flag(std::string_view key) const;
  const std::string* text(std::string_view key) const;
  const std::vector<std::string>* texts(std::string_view key) const;
  const std::vector<int64_t>* integers(std::string_view key) const;
  const std::vector<double>* numbers(std::string_view key) const;
};

/// What a whole file in memory holds; the tensors' views point into it, in the order of the file.
/// Shapes are row-major: the reverse of how the file says them.
struct GgufContents {
  GgufMetadata metadata;
  std::vector<StoredTensor> tensors;
};

/// Versions 2 and 3, little endian. Every length is checked before it is read.
Result<GgufContents> parse_gguf(std::span<const std::byte> file);

/// A mapped file whose header has been checked. The tensors live as long as `file`.
struct GgufFile {
  MappedFile file;
  GgufContents contents;

  /// The error names the file, the key or tensor, the offset and the remedy.
  static Result<GgufFile> open(const Path& path);
};

/// What a tensor to be written is called and looks like; the shape is row-major.
struct GgufTensor {
  std::string name;
  StoredDtype dtype = StoredDtype::kF32;
  std::vector<int64_t> shape;

  int64_t bytes() const;
};

/// Writes version 3: all of the first tensor, then all of the second …, piece by piece, so that
/// they need never be in memory at once. The file appears whole with commit(), or not at all.
class GgufWriter {
 public:
  /// Fails before the first byte when the disk has not enough room.
  static Result<GgufWriter> create(const Path& path, const GgufMetadata& metadata,
                                   std::vector<GgufTensor> tensors);
  GgufWriter(GgufWriter&&) = default;

  Result<void> write(std::span<const std::byte> bytes);
  Result<void> commit();

 private:
  GgufWriter(AtomicFile file, std::vector<GgufTensor> tensors)
      : file_(std::move(file)), tensors_(std::move(tensors)) {}
  Result<void> finish_tensor();

  AtomicFile file_;
  std::vector<GgufTensor> tensors_;
  size_t current_ = 0;
  int64_t written_ = 0;  // of the current tensor
};

}  // namespace r1
