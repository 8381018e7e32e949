// The two forms of latent attention, each with its backward.
#include "nn/columns.h"
#include "nn/mla.h"

namespace r1 {
namespace {

/// kv (N, H (nope + Dv)) and k_rope (N, rope)  ->  k (N, H (nope + rope)), v (N, H Dv).
void expand(const Launch& launch, const Mla& m, Tensor k, Tensor v, Tensor kv, Tensor k_rope) {
  if (launch.plans()) return;
  const int64_t Dv = m.value_dim, D = m.nope + m.rope_dim;
  launch.pool->parallel_for(kv.rows(), 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      for (int64_t h = 0; h < m.core.n_heads; ++h) {
        const float* from = kv.row(n) + h * (m.nope + Dv);
        float* key = k.row(n) + h * D;
        std::memcpy(key, from, sizeof(float) * m.nope);
        std::memcpy(key + m.nope, k_rope.row(n), sizeof(float) * m.rope_dim);
        std::memcpy(v.row(n) + h * Dv, from + m.nope, sizeof(float) * Dv);
      }
    }
  });
}

/// The transpose of expand: dk_rope sums the heads, h ascending.
void expand_backward(const Launch& launch, const Mla& m, Tensor dkv, Tensor dk_rope, Tensor dk,
                     Tensor dv) {
  if (launch.plans()) return;
  const int64_t Dv = m.value_dim, D = m.nope + m.rope_dim;
  launch.pool->parallel_for(dkv.rows(), 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      float* sum = dk_rope.row(n);
      std::memset(sum, 0, sizeof(float) * m.rope_dim);
      for (int64_t h = 0; h < m.core.n_heads; ++h) {
        const float* key = dk.row(n) + h * D;
        float* to = dkv.row(n) + h * (m.nope + Dv);
        std::memcpy(to, key, sizeof(float) * m.nope);
        std::memcpy(to + m.nope, dv.row(n) + h * Dv, sizeof(float) * Dv);
        for (int64_t i = 0; i < m.rope_dim; ++i) sum[i] += key[m.nope + i];
      }
    }
  });
}

/// Rows of head h in a (H N, …) matrix.
Tensor of_head(Tensor x, int64_t h, int64_t N) { return x.slice_rows(h * N, (h + 1) * N); }

}  // namespace

Tensor Mla::attend_expanded(Context& ctx, const Rows& rows, int64_t layer, Tensor q, Tensor latent,
                            Tensor k_rope, Saved* saved) const {
  const int64_t N = q.rows(), H = core.n_heads;
  Tensor k = ctx.f32({N, H * head_dim()}), v = ctx.f32({N, H * value_dim});
  expand(ctx.launch, *this, k, v, kv_b_proj.forward(ctx, latent), k_rope);
  return core.forward(ctx, rows, layer, q, k, v, saved ? &saved->core : nullptr);
}

void Mla::backward_expanded(Context& ctx, const Rows& rows, Tensor dq, Tensor dlatent,
                            Tensor dk_rope, Tensor d_o, const Saved& saved) const {
  const int64_t N = dq.rows(), H = core.n_heads;
  Tensor dk = ctx.f32({N, H * head_dim()}), dv = ctx.f32({N, H * value_dim});
  core.backward(ctx, rows, dq, dk, dv, d_o, saved.core);
  Tensor dkv = ctx.f32({N, kv_b_proj.out()});
  expand_backward(ctx.launch, *this, dkv, dk_rope, dk, dv);
  // kv = latent Wbᵀ
  kv_b_proj.backward(ctx, dlatent, dkv, saved.latent, false);
}

// Wk and Wv of head h are groups 2 h and 2 h + 1 of kv_b_proj: (nope, R) and (Dv, R).

Tensor Mla::attend_absorbed(Context& ctx, const Rows& rows, int64_t layer, Tensor q, Tensor latent,
                            Tensor k_rope, Saved* saved) const {
  const int64_t N = q.rows(), H = core.n_heads, R = kv_rank;
  // q' = [q_nope Wk, q_rope]
  Tensor q_heads = split_heads(ctx, q, nope, H), moved = ctx.f32({H * N, R});
  const std::vector<PanelGroup> groups = kv_b_proj.weight.groups();
  std::vector<GemmJob> jobs;
  for (int64_t h = 0; h < H; ++h) {
    jobs.push_back({of_head(moved, h, N), of_head(q_heads, h, N), &groups[2 * h].panels});
  }
  gemm_transposed_each(ctx.launch, jobs);
  Tensor queries = ctx.f32({N, H * (R + rope_dim)});
  join_heads(ctx.launch, queries, moved, H);
  copy_in_heads(ctx.launch, queries, R, q, nope, rope_dim, H);
  // one key for all heads: [latent, k_rope]; its first part is the value
  Tensor key = ctx.f32({N, R + rope_dim});
  copy_columns(ctx.launch, key, 0, latent, 0, R);
  copy_columns(ctx.launch, key, R, k_rope, 0, rope_dim);
  Tensor u = core.forward(ctx, rows, layer, queries, key, {}, saved ? &saved->core : nullptr);
  // o = u Wvᵀ
  Tensor o_heads = split_heads(ctx, u, R, H), out = ctx.f32({H * N, value_dim});
  jobs.clear();
  for (int64_t h = 0; h < H; ++h) {
    jobs.push_back({of_head(out, h, N), of_head(o_heads, h, N), &groups[2 * h + 1].panels});
  }
  gemm_each(ctx.launch, jobs);
  Tensor o = ctx.f32({N, H * value_dim});
  join_heads(ctx.launch, o, out, H);
  if (saved) saved->q_heads = q_heads, saved->o_heads = o_heads;
  return o;
}

void Mla::backward_absorbed(Context& ctx, const Rows& rows, Tensor dq, Tensor dlatent,
                            Tensor dk_rope, Tensor d_o, const Saved& saved) const {
  const int64_t N = dq.rows(), H = core.n_heads, R = kv_rank;
  const Parameter& weight = kv_b_proj.weight;
  const std::vector<PanelGroup> groups = weight.groups();
  std::vector<GemmJob> jobs;
  std::vector<GradientJob> gradients;
  const auto add_gradient = [&](const PanelGroup& group, Tensor dy, Tensor x) {
    if (weight.grad.empty()) return;
    const int64_t first = group.first_row;
    gradients.push_back({weight.grad.slice_rows(first, first + group.panels.N), dy, x});
  };
  // o = u Wvᵀ
  Tensor dout = split_heads(ctx, d_o, value_dim, H), du_heads = ctx.f32({H * N, R});
  for (int64_t h = 0; h < H; ++h) {
    const PanelGroup& values = groups[2 * h + 1];
    const Tensor dy = of_head(dout, h, N);
    jobs.push_back({of_head(du_heads, h, N), dy, &values.panels});
    add_gradient(values, dy, of_head(saved.o_heads, h, N));
  }
  gemm_transposed_each(ctx.launch, jobs);
  Tensor du = ctx.f32({N, H * R});
  join_heads(ctx.launch, du, du_heads, H);
  // u = attention(q', [latent, k_rope], latent)
  Tensor dqueries = ctx.f32({N, H * (R + rope_dim)}), dkey = ctx.f32({N, R + rope_dim});
  core.backward(ctx, rows, dqueries, dkey, dlatent, du, saved.core);
  add_columns(ctx.launch, dlatent, dkey);
  copy_columns(ctx.launch, dk_rope, 0, dkey, R, rope_dim);
  // q' = [q_nope Wk, q_rope]
  Tensor dmoved = split_heads(ctx, dqueries, R, H), dq_heads = ctx.f32({H * N, nope});
  jobs.clear();
  for (int64_t h = 0; h < H; ++h) {
    const PanelGroup& keys = groups[2 * h];
    const Tensor dy = of_head(dmoved, h, N);
    jobs.push_back({of_head(dq_heads, h, N), dy, &keys.panels});
    add_gradient(keys, of_head(saved.q_heads, h, N), dy);
  }
  gemm_each(ctx.launch, jobs);
  gemm_weight_gradient_each(ctx.launch, gradients);
  join_heads(ctx.launch, dq, dq_heads, H);
  copy_in_heads(ctx.launch, dq, nope, dqueries, R, rope_dim, H);
}

}  // namespace r1
