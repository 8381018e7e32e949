// Final norm and vocabulary projection, a chunk of rows at a time: (N, V) never exists in training.
#pragma once

#include <span>

#include "nn/linear.h"
#include "nn/norm.h"

namespace r1 {

/// The rows of a batch that predict a token that counts.
struct LossRows {
  std::span<const int32_t> rows;     // (n) indices into the batch's rows
  std::span<const int32_t> targets;  // (n) the token each predicts
  float inverse_temperature = 1.0f;
};

/// What a forward pass over loss rows yields, in their order.
struct TokenScores {
  Tensor logp, entropy, lse;  // (n)
};

struct LmHead {
  RmsNorm norm;       // (C)
  Linear projection;  // (V, C); with tied embeddings its weight is the embedding's
  static constexpr int64_t kChunk = 256;

  /// Logits (n, V) of the given rows of h (N, C).
  Tensor logits(Context&, Tensor h, std::span<const int32_t> rows) const;
  TokenScores score(Context&, Tensor h, const LossRows&) const;
  /// dh (N, C) is overwritten: zero for rows without loss. Logits are computed again, chunk by
  /// chunk.
  void backward(Context&, Tensor dh, Tensor h, const LossRows&, const TokenScores&, Tensor dlogp,
                Tensor dentropy) const;
};

}  // namespace r1
