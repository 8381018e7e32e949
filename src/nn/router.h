// Which experts a token goes to, and with what weights.     [DeepSeek-V3, eqs. 12-16; V2, eqs.
// 20-24]
#pragma once

#include "nn/context.h"

namespace r1 {

struct Routing {
  enum class Scoring { kSoftmax, kSigmoid };
  enum class GroupScore { kMax, kTopTwo };  // V2: the best expert; V3: the sum of the best two

  int64_t n_experts = 0, top_k = 0;
  Scoring scoring = Scoring::kSoftmax;
  int64_t n_group = 1, topk_group = 1;  // only the best topk_group of n_group groups are eligible
  GroupScore group_score = GroupScore::kMax;
  bool norm_topk_prob = false;  // weights of the chosen sum to 1, before the factor
  float routed_scaling_factor = 1.0f;
};

/// Where each row goes. Slots are sorted by expert, then by row.
struct Routes {
  Tensor scores;   // (N, E) sigmoid or softmax of the logits
  Tensor experts;  // (N, K) i32, best first; of equals the lowest number
  Tensor weights;  // (N, K)
  Tensor offsets;  // (E + 1) i32: slots of expert e are offsets[e] … offsets[e + 1] - 1
  Tensor rows;     // (N K) i32: the row that a slot holds
  Tensor slots;    // (N, K) i32: the slot of a row's k-th expert
};

/// logits (N, E); bias (E) joins the choice but not the weights; empty: none.
Routes route(Context&, const Routing&, Tensor logits, Tensor bias);

/// dlogits (N, E) for dweights (N, K); the choice itself has no gradient.
Tensor route_backward(Context&, const Routing&, const Routes&, Tensor dweights);

}  // namespace r1
