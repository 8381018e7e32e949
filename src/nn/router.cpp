#include "nn/router.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "kernels/lanes.h"

namespace r1 {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

void score_row(const Routing& r, float* scores, const float* logits) {
  const int64_t E = r.n_experts;
  if (r.scoring == Routing::Scoring::kSigmoid) {
    for (int64_t e = 0; e < E; ++e) scores[e] = sigmoid_f32(logits[e]);
    return;
  }
  const float max = *std::max_element(logits, logits + E);
  float sum = 0.0f;
  for (int64_t e = 0; e < E; ++e) sum += scores[e] = exp_f32(logits[e] - max);
  for (int64_t e = 0; e < E; ++e) scores[e] /= sum;
}

float group_score(const Routing& r, const float* z, int64_t size) {
  float best = kNever, second = kNever;
  for (int64_t e = 0; e < size; ++e) {
    if (z[e] > best) {
      second = best;
      best = z[e];
    } else if (z[e] > second) {
      second = z[e];
    }
  }
  return r.group_score == Routing::GroupScore::kMax ? best : best + second;
}

/// The index of the largest of n numbers, which becomes -inf; the first of equals.
int64_t take_best(float* x, int64_t n) {
  const int64_t i = std::max_element(x, x + n) - x;
  x[i] = kNever;
  return i;
}

/// Experts outside the best groups get -inf: they are never chosen, whatever the bias.
void keep_best_groups(const Routing& r, std::vector<float>& z) {
  const int64_t size = r.n_experts / r.n_group;
  std::vector<float> scores(r.n_group);
  std::vector<bool> kept(r.n_group, false);
  for (int64_t g = 0; g < r.n_group; ++g) scores[g] = group_score(r, &z[g * size], size);
  for (int64_t i = 0; i < r.topk_group; ++i) kept[take_best(scores.data(), r.n_group)] = true;
  for (int64_t e = 0; e < r.n_experts; ++e) {
    if (!kept[e / size]) z[e] = kNever;
  }
}

void choose_row(const Routing& r, const float* scores, const float* bias, std::vector<float>& z,
                int32_t* experts, float* weights) {
  for (int64_t e = 0; e < r.n_experts; ++e) z[e] = scores[e] + (bias ? bias[e] : 0.0f);
  if (r.topk_group < r.n_group) keep_best_groups(r, z);
  float sum = 1e-20f;
  for (int64_t k = 0; k < r.top_k; ++k) {
    experts[k] = static_cast<int32_t>(take_best(z.data(), r.n_experts));
    weights[k] = scores[experts[k]];
    sum += weights[k];
  }
  for (int64_t k = 0; k < r.top_k; ++k) {
    weights[k] = (r.norm_topk_prob ? weights[k] / sum : weights[k]) * r.routed_scaling_factor;
  }
}

/// Sorts the (row, k) pairs by expert.
void assign_slots(const Routing& r, const Routes& to, int64_t N) {
  int32_t* offsets = to.offsets.i32();
  std::fill_n(offsets, r.n_experts + 1, 0);
  const int32_t* experts = to.experts.i32();
  for (int64_t i = 0; i < N * r.top_k; ++i) ++offsets[experts[i] + 1];
  for (int64_t e = 0; e < r.n_experts; ++e) offsets[e + 1] += offsets[e];
  std::vector<int32_t> next(offsets, offsets + r.n_experts);
  for (int64_t i = 0; i < N * r.top_k; ++i) {
    const int32_t slot = next[experts[i]]++;
    to.slots.i32()[i] = slot;
    to.rows.i32()[slot] = static_cast<int32_t>(i / r.top_k);
  }
}

}  // namespace

Routes route(Context& ctx, const Routing& r, Tensor logits, Tensor bias) {
  const int64_t N = logits.rows(), E = r.n_experts, K = r.top_k;
  Routes to{ctx.f32({N, E}),        ctx.arena.i32({N, K}),  ctx.f32({N, K}),
            ctx.arena.i32({E + 1}), ctx.arena.i32({N * K}), ctx.arena.i32({N, K})};
  if (ctx.plans()) return to;
  ctx.launch.pool->parallel_for(N, 16, [&](int64_t begin, int64_t end) {
    std::vector<float> z(E);
    for (int64_t n = begin; n < end; ++n) {
      score_row(r, to.scores.row(n), logits.row(n));
      choose_row(r, to.scores.row(n), bias.empty() ? nullptr : bias.f32(), z,
                 to.experts.i32() + n * K, to.weights.row(n));
    }
  });
  assign_slots(r, to, N);
  return to;
}

namespace {

/// What one segment of rows adds to L / alpha; dscores of its rows.
double segment_loss(const Routes& to, int64_t begin, int64_t end, double alpha, double n_rows,
                    Tensor dscores) {
  const int64_t E = to.scores.cols(), K = to.experts.cols(), T = end - begin;
  std::vector<double> f(E, 0.0), P(E, 0.0);
  const auto sum_of = [&](const float* s) {
    double sum = 1e-20;
    for (int64_t e = 0; e < E; ++e) sum += s[e];
    return sum;
  };
  for (int64_t i = begin * K; i < end * K; ++i) f[to.experts.i32()[i]] += 1;
  for (double& x : f) x *= static_cast<double>(E) / static_cast<double>(K * T);
  for (int64_t n = begin; n < end; ++n) {
    const float* s = to.scores.row(n);
    const double sum = sum_of(s);
    double mean = 0;  // Σ s' dL/ds'
    for (int64_t e = 0; e < E; ++e) {
      P[e] += s[e] / sum;
      mean += s[e] / sum * f[e];
    }
    for (int64_t e = 0; e < E; ++e) {
      dscores.row(n)[e] = static_cast<float>(alpha / n_rows * (f[e] - mean) / sum);
    }
  }
  double loss = 0;
  for (int64_t e = 0; e < E; ++e) loss += f[e] * P[e];  // P is still T times the mean
  return loss / n_rows;
}

}  // namespace

double balance_loss(Context& ctx, const Routes& routes, const BalanceLoss& loss,
                    const BatchView& batch, Tensor dscores) {
  if (ctx.plans()) return 0;
  const int64_t N = routes.scores.rows(), n_segments = loss.per_sequence ? batch.B : 1;
  std::vector<double> losses(n_segments, 0.0);
  ctx.launch.pool->parallel_for(n_segments, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t begin = loss.per_sequence ? batch.offsets[i] : 0;
      const int64_t end = loss.per_sequence ? batch.offsets[i + 1] : N;
      if (begin == end) continue;
      losses[i] = segment_loss(routes, begin, end, loss.alpha, loss.n_rows, dscores);
    }
  });
  double sum = 0;
  for (double x : losses) sum += x;
  return loss.alpha * sum;
}

Tensor route_backward(Context& ctx, const Routing& r, const Routes& routes, Tensor dweights,
                      Tensor dscores) {
  const int64_t N = dweights.rows(), E = r.n_experts, K = r.top_k;
  Tensor dlogits = ctx.f32({N, E});
  if (ctx.plans()) return dlogits;
  ctx.launch.pool->parallel_for(N, 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const float *p = routes.scores.row(n), *dw = dweights.row(n);
      const int32_t* chosen = routes.experts.i32() + n * K;
      float* d = dlogits.row(n);
      for (int64_t e = 0; e < E; ++e) d[e] = dscores.empty() ? 0.0f : dscores.row(n)[e];
      // weight_k = factor p_k [/ Σ chosen p]
      float sum = 1e-20f, mean = 0.0f;
      for (int64_t k = 0; k < K; ++k) sum += p[chosen[k]];
      for (int64_t k = 0; k < K; ++k) mean += dw[k] * (p[chosen[k]] / sum);
      for (int64_t k = 0; k < K; ++k) {
        const float dp = r.norm_topk_prob ? (dw[k] - mean) / sum : dw[k];
        d[chosen[k]] += r.routed_scaling_factor * dp;
      }
      const bool sigmoid = r.scoring == Routing::Scoring::kSigmoid;
      float dot = 0.0f;
      for (int64_t e = 0; e < E && !sigmoid; ++e) dot += d[e] * p[e];
      for (int64_t e = 0; e < E; ++e) d[e] = p[e] * (sigmoid ? d[e] * (1.0f - p[e]) : d[e] - dot);
    }
  });
  return dlogits;
}

}  // namespace r1
