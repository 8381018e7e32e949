#include "engine/draw.h"

#include <algorithm>
#include <cstring>

#include "kernels/sampling.h"

namespace r1 {
namespace {

void penalize(const Drawer& drawer, float* z) {
  const Sequence& s = *drawer.sequence;
  const float penalty = s.request->params.repetition_penalty;
  if (penalty == 1.0f) return;
  std::vector<int32_t> seen = s.tokens;
  seen.insert(seen.end(), s.drafts.begin(), s.drafts.begin() + drawer.n_ahead);
  std::sort(seen.begin(), seen.end());
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  for (int32_t token : seen) z[token] = z[token] > 0 ? z[token] / penalty : z[token] * penalty;
}

}  // namespace

std::vector<int32_t> rows_of(std::span<const Drawer> drawers) {
  std::vector<int32_t> rows;
  for (const Drawer& d : drawers) rows.push_back(d.row);
  return rows;
}

std::vector<int32_t> draw_tokens(Context& ctx, Tensor logits, std::span<const Drawer> drawers) {
  std::vector<SampleRow> settings;
  bool penalized = false;
  for (const Drawer& d : drawers) {
    const Sequence& s = *d.sequence;
    const SamplingParams& p = s.request->params;
    settings.push_back({p.temperature, p.top_k, p.top_p, p.min_p, p.seed,
                        s.request->streams[s.sample],
                        static_cast<int64_t>(s.tokens.size()) + d.n_ahead});
    penalized = penalized || p.repetition_penalty != 1.0f;
  }
  ArenaScope scope(ctx.arena);
  if (penalized) {
    Tensor changed = ctx.f32({logits.rows(), logits.cols()});
    std::memcpy(changed.data, logits.data, static_cast<size_t>(logits.nbytes()));
    for (size_t i = 0; i < drawers.size(); ++i) {
      penalize(drawers[i], changed.row(static_cast<int64_t>(i)));
    }
    logits = changed;
  }
  std::vector<int32_t> tokens(drawers.size());
  sample_rows(ctx.launch, tokens.data(), logits, settings.data());
  return tokens;
}

}  // namespace r1
