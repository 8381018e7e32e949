// Final norm and projection, to a vocabulary or to one score: a vocabulary's a chunk of rows at a
// time: (N, V) never exists in training.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "nn/linear.h"
#include "nn/norm.h"

namespace r1 {

/// The rows of a batch that predict a token that counts.
struct LossRows {
  std::span<const int32_t> rows;     // (n) indices into the batch's rows
  std::span<const int32_t> targets;  // (n) the token each predicts
  float inverse_temperature = 1.0f;
  const RmsNorm* norm = nullptr;  // in place of the head's own
  bool is_frozen = false;         // backward: the projection gets no gradient
  /// (n), or empty: the tokens, ascending, to which a row's distribution is restricted; null or an
  /// empty list: no restriction.
  std::span<const std::vector<int32_t>* const> kept = {};
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

  /// Logits (n, V) of the given rows of h (N, C). other: a norm in place of the head's own.
  Tensor logits(Context&, Tensor h, std::span<const int32_t> rows,
                const RmsNorm* other = nullptr) const;
  /// n_best: counts the targets that are the likeliest tokens.
  TokenScores score(Context&, Tensor h, const LossRows&, int64_t* n_best = nullptr) const;
  /// dh (N, C) is overwritten: zero for rows without loss. Logits are computed again, chunk by
  /// chunk.
  void backward(Context&, Tensor dh, Tensor h, const LossRows&, const TokenScores&, Tensor dlogp,
                Tensor dentropy) const;
  /// From dlogits (n, V) of some rows, not in chunks: for a head of few outputs.
  void backward(Context&, Tensor dh, Tensor h, std::span<const int32_t> rows, Tensor dlogits) const;
  /// For losses of whole distributions: calls use(first, logits) for each chunk of rows, first
  /// being an index into rows; it turns logits (m, V) into their derivatives. dh (N, C) is
  /// overwritten.
  using LogitsUse = std::function<void(int64_t first, Tensor logits)>;
  void backward_each(Context&, Tensor dh, Tensor h, std::span<const int32_t> rows,
                     const LogitsUse& use) const;

 private:
  /// Of one chunk: x is the output of `before`. Writes dh of these rows.
  void backward_rows(Context&, Tensor dh, std::span<const int32_t> rows, Tensor x, Tensor dlogits,
                     const RmsNorm& before, const RmsNorm::Saved& saved, bool is_frozen) const;
};

}  // namespace r1
