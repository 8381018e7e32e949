// One module of multi-token prediction: what a token's hidden state and the embedding of a token
// further on say about the one after that.                           [DeepSeek-V3, eqs. 21-23]
#pragma once

#include "nn/block.h"

namespace r1 {

/// h^k_i = block(eh_proj [enorm(embedding of token i + k); hnorm(h^{k-1}_i)]). The paper writes the
/// hidden state first; this is the order of the released weights.
struct Mtp {
  RmsNorm enorm, hnorm;  // (C)
  Linear eh_proj;        // (C, 2 C)
  Block block;
  RmsNorm norm;  // (C): before the head, which is the main model's; the paper does not mention it

  struct Saved {
    RmsNorm::Saved enorm, hnorm;
    Tensor x;  // (N, 2 C)
    Block::Saved block;
  };

  /// e, h (N, C) -> (N, C), before `norm`. Keys and values go to the pages of `layer`.
  Tensor forward(Context&, const Rows&, int64_t layer, Tensor e, Tensor h, Saved*) const;
  /// dy (N, C) is used up; de and dh (N, C) are added to.
  void backward(Context&, const Rows&, int64_t layer, Tensor de, Tensor dh, Tensor dy,
                const Saved&) const;

  /// Names as in released checkpoints, after model.layers.61.
  void visit(auto&& f) {
    f("enorm.weight", enorm);
    f("hnorm.weight", hnorm);
    f("eh_proj.weight", eh_proj);
    block.visit(f);
    f("shared_head.norm.weight", norm);
  }
};

}  // namespace r1
