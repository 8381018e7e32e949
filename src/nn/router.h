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

/// A loss that is small when the experts are used evenly.       [DeepSeek-V3, eqs. 17-20; V2, eq.
/// 23; Switch Transformer, eqs. 4-6]
///   s'_ti = s_ti / Σ_j s_tj    f_i = E / (K T) · rows of the segment that go to i    P_i = mean_t
///   s'_ti    L = alpha Σ_segments T / n_rows Σ_i f_i P_i
/// A segment of T rows is one sequence, or all rows of the batch. f_i counts the experts that were
/// chosen, bias and groups included, and has no gradient:
///   dL/ds'_ti = alpha f_i / n_rows    dL/ds_ti = (dL/ds'_ti − Σ_j s'_tj dL/ds'_tj) / Σ_j s_tj
struct BalanceLoss {
  double alpha = 0;  // 0: no loss
  bool per_sequence = true;
  double n_rows = 0;  // of the optimizer step: shares of the loss add up over its micro-batches
};
/// Returns L and overwrites dscores (N, E).
double balance_loss(Context&, const Routes&, const BalanceLoss&, const BatchView&, Tensor dscores);

/// dlogits (N, E) for dweights (N, K) and dscores (N, E), which may be empty; the choice itself has
/// no gradient.
Tensor route_backward(Context&, const Routing&, const Routes&, Tensor dweights, Tensor dscores);

}  // namespace r1
