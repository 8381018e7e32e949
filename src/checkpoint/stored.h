// Tensors as files hold them: a name, a type, a shape and bytes; and the way into our tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "tensor/tensor.h"

namespace r1 {

enum class BlockFormat : uint8_t;  // tensor/quant.h

/// Every type that a checkpoint may hold; a model computes in the few of Dtype.
enum class StoredDtype : uint8_t {
  kF64,
  kF32,
  kF16,
  kBF16,
  kF8E4M3,
  kF8E5M2,
  kF8E8M0,
  kI64,
  kI32,
  kI16,
  kI8,
  kU8,
  kBool,
  kQ8_0,  // from here on: GGML's block formats, a row at a time
  kQ4_0,
  kQ4_K,
  kQ5_K,
  kQ6_K
};

const char* stored_dtype_name(
    StoredDtype dtype);  // F64 F32 F16 BF16 F8_E4M3 … as safetensors says it; Q8_0 … as GGML does
int64_t stored_dtype_size(StoredDtype dtype);  // bytes an element; block formats have none: CHECK
std::optional<StoredDtype> parse_stored_dtype(std::string_view name);  // what safetensors may hold
std::string known_stored_dtypes();  // "F64, F32, …": for messages
StoredDtype stored_dtype(Dtype dtype);
std::optional<BlockFormat> block_format(StoredDtype dtype);  // nullopt: elements, not blocks
StoredDtype stored_dtype(BlockFormat format);
/// Bytes of n elements that lie in one row; for block formats n is a multiple of the block.
int64_t stored_bytes(StoredDtype dtype, int64_t n);

/// Where the rows of a tensor lie when they are not in order.
struct RowOrder {
  enum class Kind : uint8_t {
    kPlain,
    /// GGUF's llama: in each head, row 2i + j of the file is row j * head_rows / 2 + i.
    kRopePairs,
    /// GGUF's deepseek2: of each head the first key_rows rows are stored transposed in `bytes`
    /// (H, cols, key_rows), the others in `values` (H, head_rows - key_rows, cols).
    kSplitKeysValues
  };
  Kind kind = Kind::kPlain;
  int64_t head_rows = 0;
  int64_t key_rows = 0;
};

/// A view into a mapped file, valid as long as its file or Source. The bytes may lie at any
/// address.
struct StoredTensor {
  std::string name;
  StoredDtype dtype = StoredDtype::kF32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;

  bool is_mapped = false;    // bytes are pages of a file: release_rows may let them go
  bool is_consumed = false;  // belongs to another tensor (an FP8 scale): no parameter of a model
  RowOrder order = {};
  StoredDtype values_dtype = StoredDtype::kF32;  // of `values`, which kSplitKeysValues has
  std::span<const std::byte> values = {};
  /// FP8 in blocks: value = element * scale[row / scale_rows, column / scale_cols], an f32 product.
  std::span<const std::byte> scale = {};  // f32, row-major; empty: none
  int64_t scale_rows = 0, scale_cols = 0;

  std::string shape_text() const;  // (3, 5)
  int64_t rows() const { return shape.empty() ? 1 : shape[0]; }
  int64_t row_elements() const;  // all dimensions after the first; a vector has rows of 1
};

/// A tensor of ours and the name it goes by in a file.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// Whether they agree; a stored scalar () agrees with (1).
bool same_shape(const StoredTensor& stored, const Tensor& tensor);

/// Copies into memory of the same shape. Equal types are copied as they are; floating types and
/// blocks become f32, bf16 or f16, rounded once, to nearest even. Other pairs and other shapes are
/// errors.
Result<void> read_into(const StoredTensor& stored, Tensor destination);

/// Rows begin … end-1 of the first dimension as f32, bf16 or f16; destination holds that many
/// elements in any shape. Any number of threads may read one tensor.
Result<void> read_rows(const StoredTensor& stored, int64_t begin, int64_t end, Tensor destination);

/// The same as GGML blocks: copied when stored so, else quantised from f32 (q8_0 and q4_0 only).
Result<void> read_row_blocks(const StoredTensor& stored, int64_t begin, int64_t end,
                             BlockFormat format, std::byte* to);

/// The same in any floating type or block format; every other type, and FP8 as its codes, only as
/// it is stored.
Result<void> read_rows_as(const StoredTensor& stored, int64_t begin, int64_t end, StoredDtype as,
                          std::byte* to);

/// Tells the kernel that the pages which lie wholly inside these rows may leave memory. Reading
/// them again is allowed, and slow.
void release_rows(const StoredTensor& stored, int64_t begin, int64_t end);

}  // namespace r1
