#include "kernels/sampling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/random.h"
#include "kernels/columns.h"
#include "kernels/lanes.h"

namespace r1 {
namespace {

float gumbel(const SampleRow& row, int64_t i) {
  const int64_t block = i / 64 * 16 + i % 16;
  const auto bits =
      philox({static_cast<uint32_t>(block), static_cast<uint32_t>(row.position),
              static_cast<uint32_t>(row.stream), static_cast<uint32_t>(row.stream >> 32)},
             {static_cast<uint32_t>(row.seed), static_cast<uint32_t>(row.seed >> 32)});
  return gumbel_f32(bits[i / 16 % 4]);
}

/// Which tokens may be drawn, after top_k, then top_p, then min_p. z[best] is finite.
std::vector<bool> kept_tokens(const SampleRow& row, const std::vector<float>& z, int32_t best) {
  const int64_t V = static_cast<int64_t>(z.size());
  std::vector<int32_t> order(V);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return z[a] > z[b]; });
  if (row.top_k > 0 && row.top_k < V) order.resize(row.top_k);
  auto mass = [&](int32_t i) { return static_cast<uint64_t>(exp_f32(z[i] - z[best]) * kMassUnit); };
  uint64_t total = 0, before = 0;
  for (int32_t i : order) total += mass(i);
  const uint64_t needed = mass_needed(row.top_p, total);
  std::vector<bool> kept(V, false);
  for (int32_t i : order) {
    if (row.top_p < 1.0f && before >= needed) break;
    before += mass(i);
    kept[i] = exp_f32(z[i] - z[best]) >= std::min(row.min_p, 1.0f);
  }
  return kept;
}

constexpr float kInf = std::numeric_limits<float>::infinity();

/// A row over its temperature, and its likeliest token.
struct Scaled {
  std::vector<float> z;
  int32_t best = 0;
  bool is_greedy;  // nothing is drawn: the best is taken

  Scaled(const float* logits, int64_t V, const SampleRow& row) : z(V) {
    const float inverse = row.temperature > 0.0f ? 1.0f / row.temperature : 1.0f;
    for (int64_t i = 0; i < V; ++i) {
      z[i] = logits[i] * inverse;
      if (std::isnan(z[i])) z[i] = -kInf;
      if (z[i] > z[best]) best = static_cast<int32_t>(i);
    }
    is_greedy = row.temperature <= 0.0f || std::isinf(z[best]);
  }
};

int32_t sample_row(const float* logits, int64_t V, const SampleRow& row) {
  const Scaled scaled(logits, V, row);
  int32_t best = scaled.best;
  if (scaled.is_greedy) return best;
  const std::vector<bool> kept = kept_tokens(row, scaled.z, best);
  float best_score = -kInf;
  for (int64_t i = 0; i < V; ++i) {
    const float score = kept[i] ? scaled.z[i] + gumbel(row, i) : -kInf;
    if (score > best_score) {
      best_score = score;
      best = static_cast<int32_t>(i);
    }
  }
  return best;
}

void sample(const Launch& launch, int32_t* tokens, Tensor logits, const SampleRow* rows) {
  launch.pool->parallel_for(logits.rows(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      tokens[n] = sample_row(logits.row(n), logits.cols(), rows[n]);
    }
  });
}

void keep(const Launch& launch, Tensor logits, const SampleRow* rows) {
  launch.pool->parallel_for(logits.rows(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const Scaled scaled(logits.row(n), logits.cols(), rows[n]);
      if (scaled.is_greedy) continue;
      const std::vector<bool> kept = kept_tokens(rows[n], scaled.z, scaled.best);
      for (int64_t i = 0; i < logits.cols(); ++i) {
        if (!kept[i]) logits.row(n)[i] = -kInf;
      }
    }
  });
}

constexpr SamplingKernels kReference{sample, keep};

}  // namespace

const SamplingKernels& sampling_kernels(Backend backend) {
  return R1_PICK(backend, kReference, sampling_column);
}

void sample_rows(const Launch& launch, int32_t* tokens, Tensor logits, const SampleRow* rows) {
  CHECK(logits.cols() > 0, "sample_rows: logits {}", logits.shape_text());
  if (launch.plans()) return;
  sampling_kernels(launch.backend).sample(launch, tokens, logits, rows);
}

void keep_rows(const Launch& launch, Tensor logits, const SampleRow* rows) {
  CHECK(logits.cols() > 0, "keep_rows: logits {}", logits.shape_text());
  if (launch.plans()) return;
  sampling_kernels(launch.backend).keep(launch, logits, rows);
}

}  // namespace r1
