#include "engine/side_by_side.h"

#include <algorithm>
#include <cstring>

namespace r1 {
namespace {

constexpr int64_t kMostPanelBytes = 16 << 20;  // what a cache shared by a few cores holds
constexpr int64_t kFewestRows = 8;             // of a part: fewer use the registers badly
constexpr int64_t kRowCost = 128;              // what a row costs beside its keys, in keys

int64_t cost_of(const BatchView& batch, int64_t sequence) {
  int64_t cost = 0;
  for (int64_t n = batch.offsets[sequence]; n < batch.offsets[sequence + 1]; ++n) {
    cost += kRowCost + batch.positions[n];
  }
  return cost;
}

}  // namespace

SideBySide::SideBySide(const Transformer& model) : model_(model), suits_(suits(model)) {}

bool SideBySide::suits(const Transformer& model) { return model.panel_bytes() <= kMostPanelBytes; }

std::vector<SideBySide::Part> SideBySide::cut(const BatchView& batch, int64_t n_threads) const {
  if (!suits_ || n_threads < 2 || batch.N < n_threads * kFewestRows) return {};
  int64_t total = 0;
  for (int64_t b = 0; b < batch.B; ++b) total += cost_of(batch, b);
  std::vector<Part> parts;
  int64_t b = 0, done = 0;
  for (int64_t i = 0; i < n_threads; ++i) {
    const int64_t first = b, before = done, goal = total * (i + 1) / n_threads;
    for (; b < batch.B; ++b) {  // the end nearest to the goal
      const int64_t cost = cost_of(batch, b);
      if (2 * done + cost > 2 * goal) break;
      done += cost;
    }
    if (4 * (done - before) * n_threads > 5 * total) return {};  // a quarter above its share
    if (b > first) parts.push_back({first, b});
  }
  return parts;
}

Tensor SideBySide::forward(Context& ctx, const Rows& rows) {
  const std::vector<Part> parts = cut(rows.batch, ctx.plans() ? 1 : ctx.launch.pool->size());
  if (parts.empty()) return model_.forward(ctx, rows, nullptr);
  while (arenas_.size() < parts.size()) arenas_.push_back(std::make_unique<Arena>());
  offsets_.resize(std::max(offsets_.size(), parts.size()));
  model_.reach_positions(ctx, rows);  // the threads share the table
  Tensor h = ctx.f32({rows.batch.N, model_.config().d_model});
  const auto run = [&](size_t i) {
    const auto [first, end] = parts[i];
    const int32_t begin = rows.batch.offsets[first];
    std::vector<int32_t>& offsets = offsets_[i];
    offsets.clear();
    for (int64_t b = first; b <= end; ++b) offsets.push_back(rows.batch.offsets[b] - begin);
    Rows mine = rows;
    mine.batch = {offsets.back(), end - first, offsets.data(), rows.batch.positions + begin};
    mine.tokens += begin;
    mine.page_table += first * rows.max_pages;
    Context own{ctx.launch, *arenas_[i], ctx.kv_dtype};
    own.adapters = ctx.adapters;
    const ArenaScope scope(own.arena);
    const Tensor out = model_.forward(own, mine, nullptr);
    std::memcpy(h.row(begin), out.data, static_cast<size_t>(out.nbytes()));
  };
  ctx.launch.pool->parallel_for(std::ssize(parts), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) run(static_cast<size_t>(i));
  });
  return h;
}

size_t SideBySide::peak_bytes() const {
  size_t bytes = 0;
  for (const auto& arena : arenas_) bytes += arena->peak();
  return bytes;
}

}  // namespace r1
