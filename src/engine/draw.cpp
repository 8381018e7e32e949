#include "engine/draw.h"

#include <algorithm>
#include <cstring>
#include <limits>

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

SampleRow settings_of(const Drawer& drawer) {
  const Sequence& s = *drawer.sequence;
  const SamplingParams& p = s.request->params;
  return {p.temperature,
          p.top_k,
          p.top_p,
          p.min_p,
          p.seed,
          s.request->streams[s.sample],
          static_cast<int64_t>(s.tokens.size()) + drawer.n_ahead};
}

bool wants_mask(const Drawer& drawer) {
  const Request& request = *drawer.sequence->request;
  return request.keep_sampling_mask && truncates(request.params);
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
    settings.push_back(settings_of(d));
    penalized = penalized || d.sequence->request->params.repetition_penalty != 1.0f;
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

std::vector<KeptTokens> keep_tokens(Context& ctx, Tensor logits, std::span<const Drawer> drawers) {
  std::vector<KeptTokens> kept(drawers.size());
  std::vector<SampleRow> settings;
  bool any = false;
  for (const Drawer& d : drawers) {
    settings.push_back(settings_of(d));
    any = any || wants_mask(d);
    if (!wants_mask(d)) settings.back().temperature = 0.0f;  // such a row is left as it is
  }
  if (!any) return kept;
  keep_rows(ctx.launch, logits, settings.data());
  ctx.launch.pool->parallel_for(logits.rows(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      if (!wants_mask(drawers[n])) continue;
      const float* z = logits.row(n);
      for (int64_t i = 0; i < logits.cols(); ++i) {
        if (z[i] != -std::numeric_limits<float>::infinity()) {
          kept[n].push_back(static_cast<int32_t>(i));
        }
      }
    }
  });
  return kept;
}

}  // namespace r1
