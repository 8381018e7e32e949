// Drawing tokens from logits as their requests ask, each with the random numbers of its place.
#pragma once

#include <span>
#include <vector>

#include "engine/sequence.h"
#include "nn/context.h"

namespace r1 {

/// Who draws a token, and from which row of h.
struct Drawer {
  Sequence* sequence;
  int32_t row;
  int64_t n_ahead = 0;  // drafts of the sequence that stand before the token
};

std::vector<int32_t> rows_of(std::span<const Drawer> drawers);

/// The token of each row of logits (n, V). The draw is keyed by seed, stream and the position of
/// the token, whoever's logits these are: so a draft is likely what the model itself would draw.
std::vector<int32_t> draw_tokens(Context&, Tensor logits, std::span<const Drawer> drawers);

/// Where a request asks for its kept tokens, logits of all others become -inf; which are left is
/// returned for each row, and nothing for a row that asks for nothing.
std::vector<KeptTokens> keep_tokens(Context&, Tensor logits, std::span<const Drawer> drawers);

}  // namespace r1
