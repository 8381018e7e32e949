// Final norm and projection, to a vocabulary or to one score: a vocabulary's a chunk of rows at a
// time: (N, V) never exists in training.
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
  Linear projection;  // (V, C), or (1, C) of a model that scores; with tied embeddings its weight
                      // is the embedding's
  static constexpr int64_t kChunk = 256;

  /// Logits (n, V) of the given rows of h (N, C).
  Tensor logits(Context&, Tensor h, std::span<const int32_t> rows) const;
  TokenScores score(Context&, Tensor h, const LossRows&) const;
  /// dh (N, C) is overwritten: zero for rows without loss. Logits are computed again, chunk by
  /// chunk.
  void backward(Context&, Tensor dh, Tensor h, const LossRows&, const TokenScores&, Tensor dlogp,
                Tensor dentropy) const;
  /// From dlogits (n, V) of some rows, not in chunks: for a head of few outputs.
  void backward(Context&, Tensor dh, Tensor h, std::span<const int32_t> rows, Tensor dlogits) const;

 private:
  /// Of one chunk: x is the norm's output. Writes dh of these rows.
  void backward_rows(Context&, Tensor dh, std::span<const int32_t> rows, Tensor x, Tensor dlogits,
                     const RmsNorm::Saved& saved) const;
};

}  // namespace r1
