#include "nn/attention.h"

#include "kernels/pointwise.h"

namespace r1 {
namespace {

/// The same numbers as rows of one head each.
Tensor heads_of(Tensor x, int64_t head_dim) {
  return Tensor(x.data, x.dtype, {x.numel() / head_dim, head_dim});
}
Tensor rows_of(Tensor heads, int64_t N) {
  return Tensor(heads.data, heads.dtype, {N, heads.numel() / N});
}

/// The gradient before a norm of every head; dy itself where there is none.
Tensor norm_backward(Context& ctx, const RmsNorm& norm, Tensor dy, const RmsNorm::Saved& saved) {
  Tensor dx = ctx.arena.zeros(Dtype::kF32, {dy.rows(), dy.cols()});
  norm.backward(ctx, heads_of(dx, saved.x.cols()), heads_of(dy, saved.x.cols()), saved);
  return dx;
}

}  // namespace

KvView AttentionCore::page_layout(Dtype kv_dtype) const {
  KvView view;
  view.dtype = kv_dtype;
  view.n_kv_heads = n_kv_heads;
  view.head_dim = head_dim;
  view.value_dim = value_dim;
  view.values_in_keys = values_in_keys;
  return view;
}

KvView AttentionCore::view(const Context& ctx, const Rows& rows, std::byte* base) const {
  KvView view = page_layout(ctx.kv_dtype);
  view.base = base;
  view.page_stride = rows.kv_base ? rows.kv_page_stride : view.page_bytes();
  view.page_table = rows.page_table;
  view.max_pages = rows.max_pages;
  return view;
}

Tensor AttentionCore::forward(Context& ctx, const Rows& rows, int64_t layer, Tensor q, Tensor k,
                              Tensor v, Saved* saved) const {
  std::byte* base = rows.kv_base ? rows.kv_base + layer * rows.kv_layer_stride : nullptr;
  if (!rows.kv_base) {  // training: pages of our own, the page table is the identity
    const int64_t bytes = rows.n_pages * page_layout(ctx.kv_dtype).page_bytes();
    base = static_cast<std::byte*>(ctx.f32({bytes / 4}).data);
  }
  const KvView pages = view(ctx, rows, base);
  attention_write(ctx.launch, pages, rows.batch, k, v);
  Tensor o = ctx.f32({q.rows(), n_heads * values()}), lse = ctx.f32({q.rows(), n_heads});
  attention_forward(ctx.launch, o, lse, q, pages, rows.batch, n_heads, scale);
  if (saved) *saved = {q, o, lse, base};
  return o;
}

void AttentionCore::backward(Context& ctx, const Rows& rows, Tensor dq, Tensor dk, Tensor dv,
                             Tensor d_o, const Saved& saved) const {
  attention_backward(ctx.launch, dq, dk, dv, d_o, saved.o, saved.lse, saved.q,
                     view(ctx, rows, saved.kv), rows.batch, n_heads, scale);
}

void Attention::forward(Context& ctx, const Rows& rows, int64_t layer, Tensor h, Tensor x,
                        Saved* saved) const {
  const int64_t N = x.rows();
  Tensor q = q_proj.forward(ctx, x), k = k_proj.forward(ctx, x), v = v_proj.forward(ctx, x);
  if (has_norms()) {
    q = rows_of(q_norm.forward(ctx, heads_of(q, core.head_dim), saved ? &saved->q_norm : nullptr),
                N);
    k = rows_of(k_norm.forward(ctx, heads_of(k, core.head_dim), saved ? &saved->k_norm : nullptr),
                N);
  }
  rope(ctx.launch, q, rows.batch.positions, rope_table->cos(), rope_table->sin(), false);
  rope(ctx.launch, k, rows.batch.positions, rope_table->cos(), rope_table->sin(), false);
  Tensor o = core.forward(ctx, rows, layer, q, k, v, saved ? &saved->core : nullptr);
  o_proj.forward(ctx, h, o, true);
  if (saved) saved->x = x;
}

Tensor Attention::backward(Context& ctx, const Rows& rows, Tensor dh, const Saved& saved) const {
  const int64_t N = dh.rows();
  Tensor dx = ctx.f32({N, dh.cols()});
  ArenaScope scope(ctx.arena);
  // h += o Woᵀ
  Tensor d_o = ctx.f32({N, saved.core.o.cols()});
  o_proj.backward(ctx, d_o, dh, saved.core.o, false);
  // o = attention(rope(norm(q)), rope(norm(k)), v)
  Tensor dq = ctx.f32({N, q_proj.out()}), dk = ctx.f32({N, k_proj.out()}),
         dv = ctx.f32({N, v_proj.out()});
  core.backward(ctx, rows, dq, dk, dv, d_o, saved.core);
  rope(ctx.launch, dq, rows.batch.positions, rope_table->cos(), rope_table->sin(), true);
  rope(ctx.launch, dk, rows.batch.positions, rope_table->cos(), rope_table->sin(), true);
  if (has_norms()) {
    dq = norm_backward(ctx, q_norm, dq, saved.q_norm);
    dk = norm_backward(ctx, k_norm, dk, saved.k_norm);
  }
  // q = x Wqᵀ, k = x Wkᵀ, v = x Wvᵀ
  q_proj.backward(ctx, dx, dq, saved.x, false);
  k_proj.backward(ctx, dx, dk, saved.x, true);
  v_proj.backward(ctx, dx, dv, saved.x, true);
  return dx;
}

}  // namespace r1
