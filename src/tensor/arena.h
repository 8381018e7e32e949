// Bump memory for activations: allocate, mark, rewind. On the plan backend it only counts.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <vector>

#include "tensor/tensor.h"

namespace r1 {

/// Not thread-safe: allocate on the thread that drives the step. Addresses are 64-byte aligned.
class Arena {
 public:
  struct Mark {
    size_t block = 0, used = 0, total = 0;
  };

  explicit Arena(bool counting = false) : counting_(counting) {}
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Uninitialised memory; in counting mode a tensor without memory. Throws DeviceError when there
  /// is none left.
  Tensor alloc(Dtype dtype, std::initializer_list<int64_t> shape);
  Tensor f32(std::initializer_list<int64_t> shape) { return alloc(Dtype::kF32, shape); }
  Tensor i32(std::initializer_list<int64_t> shape) { return alloc(Dtype::kI32, shape); }
  Tensor zeros(Dtype dtype, std::initializer_list<int64_t> shape);

  Mark mark() const { return {block_, used_, total_}; }
  void rewind(Mark mark);

  bool counting() const { return counting_; }
  size_t peak() const { return peak_; }  // most bytes in use at once
  void reset_peak() { peak_ = total_; }
  size_t n_system_allocations() const { return n_system_allocations_; }

 private:
  struct Block {
    std::byte* data;
    size_t size;
  };
  void* take(size_t bytes);

  bool counting_;
  std::vector<Block> blocks_;
  size_t block_ = 0, used_ = 0;  // where the next tensor goes
  size_t total_ = 0, peak_ = 0;
  size_t n_system_allocations_ = 0;
};

/// Large zeroed memory with huge pages where the system has them. Throws DeviceError.
std::byte* allocate_pages(size_t bytes);
void free_pages(std::byte* data, size_t bytes);

}  // namespace r1
