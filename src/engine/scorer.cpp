#include "engine/scorer.h"

#include <algorithm>

namespace r1 {

ScoreBatch::ScoreBatch(std::span<const std::vector<int32_t>* const> sequences) : offsets_{0} {
  for (const std::vector<int32_t>* sequence : sequences) {
    const int64_t n = static_cast<int64_t>(sequence->size());
    CHECK(n >= 1, "an empty sequence has no score");
    tokens_.insert(tokens_.end(), sequence->begin(), sequence->end());
    for (int64_t t = 0; t < n; ++t) positions_.push_back(static_cast<int32_t>(t));
    offsets_.push_back(static_cast<int32_t>(tokens_.size()));
    last_rows_.push_back(offsets_.back() - 1);
    max_pages_ = std::max(max_pages_, (n + kPageSize - 1) / kPageSize);
  }
  for (const std::vector<int32_t>* sequence : sequences) {
    const int64_t n_pages = (static_cast<int64_t>(sequence->size()) + kPageSize - 1) / kPageSize;
    for (int64_t p = 0; p < max_pages_; ++p) {
      page_table_.push_back(p < n_pages ? static_cast<int32_t>(n_pages_ + p) : 0);
    }
    n_pages_ += n_pages;
  }
}

Rows ScoreBatch::rows() const {
  Rows rows;
  rows.batch = {n_rows(), n_sequences(), offsets_.data(), positions_.data()};
  rows.tokens = tokens_.data();
  rows.page_table = page_table_.data();
  rows.max_pages = max_pages_;
  rows.n_pages = n_pages_;
  return rows;
}

std::vector<float> score_sequences(const Transformer& model,
                                   std::span<const std::vector<int32_t>> sequences,
                                   int64_t max_tokens, Context ctx) {
  CHECK(model.config().is_scorer(), "a language model gives no score");
  std::vector<float> scores;
  std::vector<const std::vector<int32_t>*> chosen;
  int64_t n_rows = 0;
  const auto run = [&] {
    if (chosen.empty()) return;
    ArenaScope scope(ctx.arena);
    const ScoreBatch batch(chosen);
    Tensor h = model.forward(ctx, batch.rows(), nullptr);
    const Tensor values = model.logits(ctx, h, batch.last_rows());
    scores.insert(scores.end(), values.f32(), values.f32() + batch.n_sequences());
    chosen.clear();
    n_rows = 0;
  };
  for (const std::vector<int32_t>& sequence : sequences) {
    const int64_t n = static_cast<int64_t>(sequence.size());
    if (n_rows + n > max_tokens) run();
    chosen.push_back(&sequence);
    n_rows += n;
  }
  run();
  return scores;
}

}  // namespace r1
