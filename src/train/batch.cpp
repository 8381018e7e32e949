#include "train/batch.h"

#include <algorithm>

namespace r1 {

Batch::Batch(const std::vector<const TokenSequence*>& sequences) : offsets_{0} {
  for (const TokenSequence* s : sequences) {
    const int64_t n = static_cast<int64_t>(s->tokens.size()) - 1;
    CHECK(n >= 1 && s->weights.size() == s->tokens.size(), "sequence of {} tokens, {} weights",
          s->tokens.size(), s->weights.size());
    size_t n_kept = 0;
    for (int64_t t = 0; t < n; ++t) {
      if (s->weights[t + 1] != 0.0f) {
        if (!s->kept.empty()) {
          CHECK(n_kept < s->kept.size(), "{} sets of kept tokens for more loss rows", n_kept);
          kept_.resize(loss_rows_.size(), nullptr);
          kept_.push_back(&s->kept[n_kept++]);
        }
        loss_rows_.push_back(static_cast<int32_t>(tokens_.size()));
        targets_.push_back(s->tokens[t + 1]);
        weights_.push_back(s->weights[t + 1]);
      }
      next_tokens_.push_back(s->tokens[t + 1]);
      next_weights_.push_back(s->weights[t + 1]);
      tokens_.push_back(s->tokens[t]);
      positions_.push_back(static_cast<int32_t>(t));
    }
    offsets_.push_back(static_cast<int32_t>(tokens_.size()));
    max_pages_ = std::max(max_pages_, (n + kPageSize - 1) / kPageSize);
  }
  if (!kept_.empty()) kept_.resize(loss_rows_.size(), nullptr);
  for (size_t b = 0; b + 1 < offsets_.size(); ++b) {
    const int64_t n = offsets_[b + 1] - offsets_[b], n_pages = (n + kPageSize - 1) / kPageSize;
    for (int64_t p = 0; p < max_pages_; ++p) {
      page_table_.push_back(p < n_pages ? static_cast<int32_t>(n_pages_ + p) : 0);
    }
    n_pages_ += n_pages;
  }
}

Rows Batch::rows() const {
  Rows rows;
  rows.batch = {n_rows(), static_cast<int64_t>(offsets_.size()) - 1, offsets_.data(),
                positions_.data()};
  rows.tokens = tokens_.data();
  rows.page_table = page_table_.data();
  rows.max_pages = max_pages_;
  rows.n_pages = n_pages_;
  return rows;
}

Batch::Ahead Batch::ahead(int64_t k) const {
  Ahead ahead;
  for (size_t b = 0; b + 1 < offsets_.size(); ++b) {
    for (int64_t row = offsets_[b], end = offsets_[b + 1]; row < end; ++row) {
      ahead.tokens.push_back(next_tokens_[std::min(row + k, end) - 1]);
      if (row + k >= end || next_weights_[row + k] == 0.0f) continue;
      ahead.rows.push_back(static_cast<int32_t>(row));
      ahead.targets.push_back(next_tokens_[row + k]);
      ahead.weights.push_back(next_weights_[row + k]);
    }
  }
  return ahead;
}

LossRows Batch::loss_rows(float inverse_temperature) const {
  LossRows rows{loss_rows_, targets_, inverse_temperature};
  rows.kept = kept_;
  return rows;
}

}  // namespace r1
