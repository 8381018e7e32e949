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
  kI8,
  kU8,
  kBool
};

const char* stored_dtype_name(
    StoredDtype dtype);  // F64 F32 F16 BF16 F8_E4M3 … as safetensors says it
int64_t stored_dtype_size(StoredDtype dtype);  // bytes an element
std::optional<StoredDtype> parse_stored_dtype(std::string_view name);
std::string known_stored_dtypes();  // "F64, F32, …": for messages
StoredDtype stored_dtype(Dtype dtype);

/// A view into a mapped file, valid as long as its file or Source. The bytes may lie at any
/// address.
struct StoredTensor {
  std::string name;
  StoredDtype dtype = StoredDtype::kF32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;

  std::string shape_text() const;  // (3, 5)
};

/// A tensor of ours and the name it goes by in a file.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// Whether they agree; a stored scalar () agrees with (1).
bool same_shape(const StoredTensor& stored, const Tensor& tensor);

/// Copies into memory of the same shape. Equal types are copied as they are; F64, F32, F16 and BF16
/// become f32 or bf16, rounded once, to nearest even. Other pairs and other shapes are errors.
Result<void> read_into(const StoredTensor& stored, Tensor destination);

}  // namespace r1
