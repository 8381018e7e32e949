#include "nn/block.h"

#include <cstring>

namespace r1 {
namespace {

Tensor copy(Context& ctx, Tensor x) {
  Tensor y = ctx.f32({x.rows(), x.cols()});
  if (!ctx.plans()) std::memcpy(y.data, x.data, static_cast<size_t>(x.nbytes()));
  return y;
}

}  // namespace

Tensor Block::run(Context& ctx, const Rows& rows, int64_t layer, Tensor h, Parts* parts) const {
  Tensor x1 = input_layernorm.forward(ctx, h, parts ? &parts->norm1 : nullptr);
  if (parts) h = copy(ctx, h);
  self_attn.forward(ctx, rows, layer, h, x1, parts ? &parts->attention : nullptr);
  Tensor x2 = post_attention_layernorm.forward(ctx, h, parts ? &parts->norm2 : nullptr);
  if (parts) h = copy(ctx, h);
  mlp.forward(ctx, h, x2, parts ? &parts->mlp : nullptr);
  return h;
}

Tensor Block::forward(Context& ctx, const Rows& rows, int64_t layer, Tensor h, Saved* saved) const {
  if (saved && ctx.recompute) {  // keep the input only
    saved->input = h;
    Tensor out = copy(ctx, h);
    ArenaScope scope(ctx.arena);
    run(ctx, rows, layer, out, nullptr);
    return out;
  }
  if (saved) {
    saved->input = h;
    return run(ctx, rows, layer, h, &saved->parts);
  }
  ArenaScope scope(ctx.arena);
  return run(ctx, rows, layer, h, nullptr);
}

void Block::backward(Context& ctx, const Rows& rows, int64_t layer, Tensor dh,
                     const Saved& saved) const {
  ArenaScope scope(ctx.arena);
  Parts again;
  const Parts* parts = &saved.parts;
  if (parts->norm1.x.empty()) {
    run(ctx, rows, layer, saved.input, &again);
    parts = &again;
  }
  Tensor dx2 = mlp.backward(ctx, dh, parts->mlp);
  post_attention_layernorm.backward(ctx, dh, dx2, parts->norm2);
  Tensor dx1 = self_attn.backward(ctx, rows, dh, parts->attention);
  input_layernorm.backward(ctx, dh, dx1, parts->norm1);
}

}  // namespace r1
