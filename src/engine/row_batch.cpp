#include "engine/row_batch.h"

#include <algorithm>

namespace r1 {

void RowBatch::clear() {
  tokens_.clear();
  positions_.clear();
  offsets_.assign(1, 0);
  pages_.clear();
}

void RowBatch::close(const std::vector<int32_t>& pages) {
  offsets_.push_back(static_cast<int32_t>(tokens_.size()));
  pages_.push_back(&pages);
}

Rows RowBatch::rows(const KvPages& memory) {
  size_t max_pages = 0;
  for (const auto* pages : pages_) max_pages = std::max(max_pages, pages->size());
  page_table_.assign(pages_.size() * max_pages, 0);
  for (size_t b = 0; b < pages_.size(); ++b) {
    std::copy(pages_[b]->begin(), pages_[b]->end(),
              page_table_.begin() + static_cast<int64_t>(b * max_pages));
  }
  Rows rows;
  rows.batch = {n_rows(), static_cast<int64_t>(pages_.size()), offsets_.data(), positions_.data()};
  rows.tokens = tokens_.data();
  rows.page_table = page_table_.data();
  rows.max_pages = static_cast<int64_t>(max_pages);
  rows.kv_base = memory.base();
  rows.kv_layer_stride = memory.layer_stride();
  rows.kv_page_stride = memory.page_stride();
  return rows;
}

}  // namespace r1
