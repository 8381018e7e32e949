#include "nn/block.h"

#include <cstring>

#include "nn/expert_tally.h"

namespace r1 {
namespace {

Tensor copy(Context& ctx, Tensor x) {
  Tensor y = ctx.f32({x.rows(), x.cols()});
  if (!ctx.plans()) std::memcpy(y.data, x.data, static_cast<size_t>(x.nbytes()));
  return y;
}

/// The place in a variant of saved parts that belongs to one kind of module; null for inference.
template <class Module>
typename Module::Saved* place(auto* saved) {
  return saved ? &saved->template emplace<typename Module::Saved>() : nullptr;
}

}  // namespace

Tensor Block::run(Context& ctx, const Rows& rows, int64_t layer, Tensor h, Parts* parts) const {
  Tensor x1 = input_layernorm.forward(ctx, h, parts ? &parts->norm1 : nullptr);
  if (parts) h = copy(ctx, h);
  std::visit(
      [&](const auto& attention) {
        using Module = std::decay_t<decltype(attention)>;
        attention.forward(ctx, rows, layer, h, x1,
                          place<Module>(parts ? &parts->attention : nullptr));
      },
      self_attn);
  Tensor x2 = post_attention_layernorm.forward(ctx, h, parts ? &parts->norm2 : nullptr);
  if (parts) h = copy(ctx, h);
  std::visit(
      [&](const auto& part) {
        using Module = std::decay_t<decltype(part)>;
        part.forward(ctx, h, x2, place<Module>(parts ? &parts->mlp : nullptr));
      },
      mlp);
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
  if (ctx.experts) ctx.experts->batch = rows.batch;
  Tensor dx2 = std::visit(
      [&](const auto& part) {
        using Module = std::decay_t<decltype(part)>;
        return part.backward(ctx, dh, std::get<typename Module::Saved>(parts->mlp));
      },
      mlp);
  post_attention_layernorm.backward(ctx, dh, dx2, parts->norm2);
  Tensor dx1 = std::visit(
      [&](const auto& attention) {
        using Module = std::decay_t<decltype(attention)>;
        return attention.backward(ctx, rows, dh,
                                  std::get<typename Module::Saved>(parts->attention));
      },
      self_attn);
  input_layernorm.backward(ctx, dh, dx1, parts->norm1);
}

}  // namespace r1
