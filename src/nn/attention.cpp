#include "nn/attention.h"

#include <cmath>

#include "kernels/pointwise.h"

namespace r1 {

float Attention::scale() const { return 1.0f / std::sqrt(static_cast<float>(head_dim)); }

KvView Attention::page_layout(Dtype kv_dtype) const {
  KvView view;
  view.dtype = kv_dtype;
  view.n_kv_heads = n_kv_heads;
  view.head_dim = head_dim;
  return view;
}

KvView Attention::view(const Context& ctx, const Rows& rows, std::byte* base) const {
  KvView view = page_layout(ctx.kv_dtype);
  view.base = base;
  view.page_stride = rows.kv_base ? rows.kv_page_stride : view.page_bytes();
  view.page_table = rows.page_table;
  view.max_pages = rows.max_pages;
  return view;
}

void Attention::forward(Context& ctx, const Rows& rows, int64_t layer, Tensor h, Tensor x,
                        Saved* saved) const {
  const int64_t N = x.rows();
  Tensor q = q_proj.forward(ctx, x), k = k_proj.forward(ctx, x), v = v_proj.forward(ctx, x);
  rope(ctx.launch, q, rows.batch.positions, rope_table->cos(), rope_table->sin(), false);
  rope(ctx.launch, k, rows.batch.positions, rope_table->cos(), rope_table->sin(), false);

  std::byte* base = rows.kv_base ? rows.kv_base + layer * rows.kv_layer_stride : nullptr;
  if (!base) {  // training: pages of our own, the page table is the identity
    const int64_t bytes = rows.n_pages * page_layout(ctx.kv_dtype).page_bytes();
    base = static_cast<std::byte*>(ctx.f32({bytes / 4}).data);
  }
  const KvView pages = view(ctx, rows, base);
  attention_write(ctx.launch, pages, rows.batch, k, v);
  Tensor o = ctx.f32({N, n_heads * head_dim}), lse = ctx.f32({N, n_heads});
  attention_forward(ctx.launch, o, lse, q, pages, rows.batch, n_heads, scale());
  o_proj.forward(ctx, h, o, true);
  if (saved) *saved = {x, q, o, lse, base};
}

Tensor Attention::backward(Context& ctx, const Rows& rows, Tensor dh, const Saved& saved) const {
  const int64_t N = dh.rows();
  Tensor dx = ctx.f32({N, dh.cols()});
  ArenaScope scope(ctx.arena);
  // h += o Woᵀ
  Tensor d_o = ctx.f32({N, n_heads * head_dim});
  o_proj.backward(ctx, d_o, dh, saved.o, false);
  // o = attention(rope(q), rope(k), v)
  Tensor dq = ctx.f32({N, n_heads * head_dim});
  Tensor dk = ctx.f32({N, n_kv_heads * head_dim}), dv = ctx.f32({N, n_kv_heads * head_dim});
  attention_backward(ctx.launch, dq, dk, dv, d_o, saved.o, saved.lse, saved.q,
                     view(ctx, rows, saved.kv), rows.batch, n_heads, scale());
  rope(ctx.launch, dq, rows.batch.positions, rope_table->cos(), rope_table->sin(), true);
  rope(ctx.launch, dk, rows.batch.positions, rope_table->cos(), rope_table->sin(), true);
  // q = x Wqᵀ, k = x Wkᵀ, v = x Wvᵀ
  q_proj.backward(ctx, dx, dq, saved.x, false);
  k_proj.backward(ctx, dx, dk, saved.x, true);
  v_proj.backward(ctx, dx, dv, saved.x, true);
  return dx;
}

}  // namespace r1
