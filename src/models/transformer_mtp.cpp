#include "models/transformer.h"

namespace r1 {

Tensor Transformer::mtp_forward(Context& ctx, const Rows& rows, int64_t k, Tensor h,
                                Mtp::Saved* saved) const {
  Tensor e = ctx.f32({h.rows(), h.cols()});
  reach_positions(ctx, rows);
  embed_rows(ctx.launch, e, rows.tokens);
  return mtp_[k].forward(ctx, rows, config_.n_layers + k, e, h, saved);
}

void Transformer::mtp_backward(Context& ctx, const Rows& rows, int64_t k, Tensor dh, Tensor dy,
                               const Mtp::Saved& saved, bool learns_words) const {
  ArenaScope scope(ctx.arena);
  Tensor de = ctx.arena.zeros(Dtype::kF32, {dy.rows(), dy.cols()});
  mtp_[k].backward(ctx, rows, config_.n_layers + k, de, dh, dy, saved);
  if (learns_words && !embed_tokens_.grad.empty()) {
    embed_backward(ctx.launch, embed_tokens_.grad, de, rows.tokens);
  }
}

int64_t Transformer::mtp_begin() const {
  if (mtp_.empty() || adapted()) return trained().numel();
  return mtp_[0].enorm.weight.master.f32() - store_.masters().f32();
}

}  // namespace r1
