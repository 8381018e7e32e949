// The pool of KV pages: counted references, so that a group shares its prompt's pages.
#pragma once

#include <vector>

#include "models/transformer.h"

namespace r1 {

inline int64_t pages_for(int64_t n_tokens) { return (n_tokens + kPageSize - 1) / kPageSize; }

/// Owns the memory. A page holds 64 positions of all layers. Not thread-safe.
class KvPages {
 public:
  /// n_mtp: layers of MTP modules, which lie behind the model's and are as large.
  KvPages(const Transformer& model, Dtype kv_dtype, int64_t n_pages, int64_t n_mtp = 0);
  ~KvPages();
  KvPages(const KvPages&) = delete;
  KvPages& operator=(const KvPages&) = delete;

  int64_t n_pages() const { return static_cast<int64_t>(references_.size()); }
  int64_t n_free() const { return static_cast<int64_t>(free_.size()); }

  /// A page with one reference, or -1 when there is none.
  int32_t take();
  void share(int32_t page);    // one reference more
  void release(int32_t page);  // one less; the last gives it back
  void copy(int32_t to, int32_t from);

  std::byte* base() const { return memory_; }
  int64_t page_stride() const { return page_stride_; }    // bytes
  int64_t layer_stride() const { return layer_stride_; }  // bytes

 private:
  std::byte* memory_ = nullptr;
  int64_t page_stride_ = 0, layer_stride_ = 0, n_layers_ = 0;
  std::vector<int32_t> references_, free_;
};

}  // namespace r1
