#include "engine/speculative.h"

#include <cstring>

#include "engine/draw.h"

namespace r1 {
namespace {

void append(std::vector<float>& rows, Tensor h, int64_t first, int64_t n) {
  rows.insert(rows.end(), h.row(first), h.row(first) + n * h.cols());
}

Tensor put(Context& ctx, const std::vector<float>& values, int64_t n_rows) {
  Tensor x = ctx.f32({n_rows, static_cast<int64_t>(values.size()) / n_rows});
  std::memcpy(x.data, values.data(), values.size() * sizeof(float));
  return x;
}

}  // namespace

Drafter::Drafter(const Transformer& model, const KvPages& pages) : model_(model), pages_(pages) {
  CHECK(!model.mtp().empty(), "speculation needs a module for multi-token prediction");
}

void Drafter::teach(Context& ctx, std::span<const Job> jobs, const RowBatch& batch, Tensor h) {
  batch_.clear();
  hidden_.clear();
  for (size_t b = 0; b < jobs.size(); ++b) {
    Sequence& s = *jobs[b].sequence;
    if (s.n_pending() == 1) continue;
    CHECK(s.n_taught == s.n_computed && s.hidden.empty(), "{} of {} rows taught", s.n_taught,
          s.n_computed);
    const int64_t n = std::min(jobs[b].n_rows, s.n_pending() - 1);
    for (int64_t p = s.n_computed; p < s.n_computed + n; ++p) batch_.add(s.tokens[p + 1], p);
    batch_.close(s.pages);
    append(hidden_, h, batch.begin(b), n);
    s.n_taught += n;
  }
  if (batch_.n_rows() == 0) return;
  ArenaScope scope(ctx.arena);
  Tensor x = model_.head().norm.forward(ctx, put(ctx, hidden_, batch_.n_rows()), nullptr);
  model_.mtp_forward(ctx, batch_.rows(pages_), 0, x, nullptr);
}

void Drafter::draft(Context& ctx, std::span<const Job> jobs) {
  batch_.clear();
  hidden_.clear();
  drafting_.clear();
  std::vector<int64_t> wanted;
  for (const Job& job : jobs) {
    if (job.n_drafts == 0) continue;
    Sequence& s = *job.sequence;
    for (int64_t p = s.n_taught; p < s.n_computed; ++p) batch_.add(s.tokens[p + 1], p);
    batch_.close(s.pages);
    hidden_.insert(hidden_.end(), s.hidden.begin(), s.hidden.end());
    s.n_taught = s.n_computed;
    s.hidden.clear();
    drafting_.push_back(&s);
    wanted.push_back(job.n_drafts);
  }
  for (bool is_first = true; !drafting_.empty(); is_first = false) {
    ArenaScope scope(ctx.arena);
    Tensor x = put(ctx, hidden_, batch_.n_rows());
    if (is_first) x = model_.head().norm.forward(ctx, x, nullptr);
    Tensor h = model_.mtp_forward(ctx, batch_.rows(pages_), 0, x, nullptr);
    std::vector<Drawer> drawers;
    for (size_t b = 0; b < drafting_.size(); ++b) {
      drawers.push_back({drafting_[b], batch_.begin(b + 1) - 1,
                         static_cast<int64_t>(drafting_[b]->drafts.size())});
    }
    Tensor logits = model_.logits(ctx, h, rows_of(drawers), &model_.mtp()[0].norm);
    const std::vector<int32_t> drawn = draw_tokens(ctx, logits, drawers);
    batch_.clear();
    hidden_.clear();
    size_t n_left = 0;
    for (size_t b = 0; b < drawers.size(); ++b) {
      Sequence& s = *drafting_[b];
      s.drafts.push_back(drawn[b]);
      const int64_t n = static_cast<int64_t>(s.drafts.size());
      if (n == wanted[b]) continue;
      batch_.add(drawn[b], s.n_computed - 1 + n);
      batch_.close(s.pages);
      append(hidden_, h, drawers[b].row, 1);
      drafting_[n_left] = &s;
      wanted[n_left++] = wanted[b];
    }
    drafting_.resize(n_left);
    wanted.resize(n_left);
  }
}

void Drafter::remember(Sequence& s, Tensor h, int64_t first, int64_t n) const {
  append(s.hidden, h, first, n);
}

}  // namespace r1
