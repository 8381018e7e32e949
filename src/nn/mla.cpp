#include "nn/mla.h"

#include <cstring>

#include "kernels/pointwise.h"

namespace r1 {
namespace {

/// Columns [from, from + width) of x to columns [to, to + width) of y, row by row.
void copy_columns(const Launch& launch, Tensor y, int64_t to, Tensor x, int64_t from,
                  int64_t width) {
  if (launch.plans()) return;
  launch.pool->parallel_for(x.rows(), 64, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      std::memcpy(y.row(n) + to, x.row(n) + from, sizeof(float) * width);
    }
  });
}

/// kv (N, H (nope + Dv)) and k_rope (N, rope)  ->  k (N, H (nope + rope)), v (N, H Dv).
void expand(const Launch& launch, const Mla& m, Tensor k, Tensor v, Tensor kv, Tensor k_rope) {
  if (launch.plans()) return;
  const int64_t Dv = m.core.values(), D = m.nope + m.rope_dim;
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
  const int64_t Dv = m.core.values(), D = m.nope + m.rope_dim;
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

}  // namespace

/// DeepSeek's checkpoints keep rotary pairs next to each other.
void Mla::turn(Context& ctx, const Rows& rows, Tensor q, Tensor k_rope, bool inverse) const {
  const int32_t* at = rows.batch.positions;
  rope(ctx.launch, q, at, rope_table->cos(), rope_table->sin(), inverse,
       {.width = nope + rope_dim, .offset = nope, .adjacent = true});
  rope(ctx.launch, k_rope, at, rope_table->cos(), rope_table->sin(), inverse,
       {.width = rope_dim, .offset = 0, .adjacent = true});
}

void Mla::forward(Context& ctx, const Rows& rows, int64_t layer, Tensor h, Tensor x,
                  Saved* saved) const {
  const int64_t N = x.rows(), H = core.n_heads;
  Tensor q, q_latent;
  if (q_rank == 0) {
    q = q_proj.forward(ctx, x);
  } else {
    q_latent =
        q_a_layernorm.forward(ctx, q_a_proj.forward(ctx, x), saved ? &saved->q_norm : nullptr);
    q = q_b_proj.forward(ctx, q_latent);
  }
  Tensor down = kv_a_proj_with_mqa.forward(ctx, x);
  Tensor raw = ctx.f32({N, kv_rank}), k_rope = ctx.f32({N, rope_dim});
  copy_columns(ctx.launch, raw, 0, down, 0, kv_rank);
  copy_columns(ctx.launch, k_rope, 0, down, kv_rank, rope_dim);
  Tensor latent = kv_a_layernorm.forward(ctx, raw, saved ? &saved->kv_norm : nullptr);
  turn(ctx, rows, q, k_rope, false);
  Tensor k = ctx.f32({N, H * core.head_dim}), v = ctx.f32({N, H * core.values()});
  expand(ctx.launch, *this, k, v, kv_b_proj.forward(ctx, latent), k_rope);
  Tensor o = core.forward(ctx, rows, layer, q, k, v, saved ? &saved->core : nullptr);
  o_proj.forward(ctx, h, o, true);
  if (!saved) return;
  saved->x = x;
  saved->q_latent = q_latent;
  saved->latent = latent;
}

Tensor Mla::backward(Context& ctx, const Rows& rows, Tensor dh, const Saved& saved) const {
  const int64_t N = dh.rows(), H = core.n_heads;
  Tensor dx = ctx.f32({N, dh.cols()});
  ArenaScope scope(ctx.arena);
  // h += o Woᵀ
  Tensor d_o = ctx.f32({N, H * core.values()});
  o_proj.backward(ctx, d_o, dh, saved.core.o, false);
  // o = attention(rope(q), [k_nope, rope(k_rope)], v)
  Tensor dq = ctx.f32({N, H * core.head_dim}), dk = ctx.f32({N, H * core.head_dim}),
         dv = ctx.f32({N, H * core.values()});
  core.backward(ctx, rows, dq, dk, dv, d_o, saved.core);
  Tensor dkv = ctx.f32({N, kv_b_proj.out()}), dk_rope = ctx.f32({N, rope_dim});
  expand_backward(ctx.launch, *this, dkv, dk_rope, dk, dv);
  turn(ctx, rows, dq, dk_rope, true);
  // kv = norm(latent) Wbᵀ, [latent, k_rope] = x Waᵀ
  Tensor dlatent = ctx.f32({N, kv_rank}), draw = ctx.arena.zeros(Dtype::kF32, {N, kv_rank});
  kv_b_proj.backward(ctx, dlatent, dkv, saved.latent, false);
  kv_a_layernorm.backward(ctx, draw, dlatent, saved.kv_norm);
  Tensor ddown = ctx.f32({N, kv_rank + rope_dim});
  copy_columns(ctx.launch, ddown, 0, draw, 0, kv_rank);
  copy_columns(ctx.launch, ddown, kv_rank, dk_rope, 0, rope_dim);
  kv_a_proj_with_mqa.backward(ctx, dx, ddown, saved.x, false);
  if (q_rank == 0) {
    q_proj.backward(ctx, dx, dq, saved.x, true);
    return dx;
  }
  // q = norm(x Waᵀ) Wbᵀ
  Tensor dq_latent = ctx.f32({N, q_rank}), dq_raw = ctx.arena.zeros(Dtype::kF32, {N, q_rank});
  q_b_proj.backward(ctx, dq_latent, dq, saved.q_latent, false);
  q_a_layernorm.backward(ctx, dq_raw, dq_latent, saved.q_norm);
  q_a_proj.backward(ctx, dx, dq_raw, saved.x, true);
  return dx;
}

}  // namespace r1
