#include "tensor/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace r1 {
namespace {

constexpr size_t kBlock = size_t{256} << 20;  // memory is touched, and taken, page by page
constexpr size_t kHugePage = size_t{2} << 20;

size_t round_up(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

}  // namespace

std::byte* allocate_pages(size_t bytes) {
  const size_t size = round_up(std::max<size_t>(bytes, 1), kHugePage);
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) {
    throw DeviceError(
        fmt::format("out of memory: {:.1f} MiB more were needed; use a smaller "
                    "batch, context or model",
                    static_cast<double>(size) / (1 << 20)));
  }
  madvise(data, size, MADV_HUGEPAGE);
  return static_cast<std::byte*>(data);
}

void free_pages(std::byte* data, size_t bytes) {
  if (data) munmap(data, round_up(std::max<size_t>(bytes, 1), kHugePage));
}

Arena::~Arena() {
  for (auto& block : blocks_) free_pages(block.data, block.size);
}

void* Arena::take(size_t bytes) {
  bytes = round_up(bytes, 64);
  total_ += bytes;
  peak_ = std::max(peak_, total_);
  if (counting_) return nullptr;
  while (block_ < blocks_.size() && used_ + bytes > blocks_[block_].size) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    const size_t size = round_up(std::max(bytes, kBlock), kHugePage);
    blocks_.push_back({allocate_pages(size), size});
    ++n_system_allocations_;
    used_ = 0;
  }
  std::byte* data = blocks_[block_].data + used_;
  used_ += bytes;
  return data;
}

Tensor Arena::alloc(Dtype dtype, std::initializer_list<int64_t> shape) {
  Tensor tensor(nullptr, dtype, shape);
  tensor.data = take(static_cast<size_t>(tensor.nbytes()));
  return tensor;
}

Tensor Arena::zeros(Dtype dtype, std::initializer_list<int64_t> shape) {
  Tensor tensor = alloc(dtype, shape);
  if (!counting_) std::memset(tensor.data, 0, static_cast<size_t>(tensor.nbytes()));
  return tensor;
}

void Arena::rewind(Mark mark) {
  CHECK(mark.total <= total_, "rewind to {} of {} bytes", mark.total, total_);
  block_ = mark.block;
  used_ = mark.used;
  total_ = mark.total;
}

}  // namespace r1
