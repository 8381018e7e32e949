// Micro-batches: which token sequences are computed together.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace r1 {

/// One document or conversation. Attention never crosses from one sequence into another.
struct TokenSequence {
  std::vector<int32_t> tokens;
  std::vector<float> weights;  // weight of predicting tokens[t] from those before it; [0] is 0
  /// One for each token with a weight, or none at all: the tokens among which it is predicted,
  /// ascending and with it among them; empty: every token.
  std::vector<std::vector<int32_t>> kept = {};
};

/// Indices of the sequences of each micro-batch: in order, as many as fit into max_tokens rows.
/// A sequence longer than max_tokens stands alone.
std::vector<std::vector<int>> pack(std::span<const int64_t> lengths, int64_t max_tokens);

}  // namespace r1
