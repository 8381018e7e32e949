#include "nn/mla.h"

#include "kernels/pointwise.h"
#include "nn/columns.h"

namespace r1 {

/// DeepSeek's checkpoints keep rotary pairs next to each other.
void Mla::turn(Context& ctx, const Rows& rows, Tensor q, Tensor k_rope, bool inverse) const {
  const int32_t* at = rows.batch.positions;
  rope(ctx.launch, q, at, rope_table->cos(), rope_table->sin(), inverse,
       {.width = head_dim(), .offset = nope, .adjacent = true});
  rope(ctx.launch, k_rope, at, rope_table->cos(), rope_table->sin(), inverse,
       {.width = rope_dim, .offset = 0, .adjacent = true});
}

void Mla::forward(Context& ctx, const Rows& rows, int64_t layer, Tensor h, Tensor x,
                  Saved* saved) const {
  const int64_t N = x.rows();
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
  Tensor o = absorbed ? attend_absorbed(ctx, rows, layer, q, latent, k_rope, saved)
                      : attend_expanded(ctx, rows, layer, q, latent, k_rope, saved);
  o_proj.forward(ctx, h, o, true);
  if (!saved) return;
  saved->x = x;
  saved->q_latent = q_latent;
  saved->latent = latent;
  saved->o = o;
}

Tensor Mla::backward(Context& ctx, const Rows& rows, Tensor dh, const Saved& saved) const {
  const int64_t N = dh.rows(), H = core.n_heads;
  Tensor dx = ctx.f32({N, dh.cols()});
  ArenaScope scope(ctx.arena);
  // h += o Woᵀ
  Tensor d_o = ctx.f32({N, H * value_dim});
  o_proj.backward(ctx, d_o, dh, saved.o, false);
  // o = attention(rope(q), latent, rope(k_rope))
  Tensor dq = ctx.f32({N, H * head_dim()}), dlatent = ctx.f32({N, kv_rank}),
         dk_rope = ctx.f32({N, rope_dim});
  if (absorbed) {
    backward_absorbed(ctx, rows, dq, dlatent, dk_rope, d_o, saved);
  } else {
    backward_expanded(ctx, rows, dq, dlatent, dk_rope, d_o, saved);
  }
  turn(ctx, rows, dq, dk_rope, true);
  // [norm⁻¹(latent), k_rope] = x Waᵀ
  Tensor draw = ctx.arena.zeros(Dtype::kF32, {N, kv_rank});
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
