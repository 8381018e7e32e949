#include "engine/kv_pages.h"

#include <cstring>

namespace r1 {

KvPages::KvPages(const Transformer& model, Dtype kv_dtype, int64_t n_pages, int64_t n_mtp)
    : references_(n_pages, 0) {
  n_layers_ = model.config().n_layers + n_mtp;
  page_stride_ = model.kv_page_bytes(kv_dtype) / model.config().n_layers;
  layer_stride_ = page_stride_ * n_pages;
  memory_ = allocate_pages(static_cast<size_t>(layer_stride_ * n_layers_));
  for (int64_t page = n_pages; page-- > 0;) free_.push_back(static_cast<int32_t>(page));
}

KvPages::~KvPages() { free_pages(memory_, static_cast<size_t>(layer_stride_ * n_layers_)); }

int32_t KvPages::take() {
  if (free_.empty()) return -1;
  const int32_t page = free_.back();
  free_.pop_back();
  references_[page] = 1;
  return page;
}

void KvPages::share(int32_t page) {
  CHECK(references_[page] > 0, "page {} is free", page);
  ++references_[page];
}

void KvPages::release(int32_t page) {
  CHECK(references_[page] > 0, "page {} is free", page);
  if (--references_[page] == 0) free_.push_back(page);
}

void KvPages::copy(int32_t to, int32_t from) {
  for (int64_t layer = 0; layer < n_layers_; ++layer) {
    std::byte* base = memory_ + layer * layer_stride_;
    std::memcpy(base + to * page_stride_, base + from * page_stride_,
                static_cast<size_t>(page_stride_));
  }
}

}  // namespace r1
