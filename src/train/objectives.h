// Losses as functions of per-token log-probabilities: cross-entropy, and how token losses add up.
// Those of a policy stand in train/policy_loss.h.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace r1 {

/// Σ_t −w_t logp_t / total; returns the loss and sets dlogp = −w / total.
double nll(std::span<const float> logp, std::span<const float> weight, double total,
           std::span<float> dlogp);

/// How the losses of tokens become one number: docs/grpo.md, aggregation. In quotes the names of
/// TRL's loss_type and of verl's loss_agg_mode.
enum class Aggregation {
  kSequenceMean,  // "grpo", "seq-mean-token-mean"                [Shao et al. 2024, eq. 3]
  kTokenMean,     // "dapo", "token-mean"                         [Yu et al. 2025, eq. 12]
  kSequenceSum,   // "reinforce", "seq-mean-token-sum"
  kConstant,      // "dr_grpo", "seq-mean-token-sum-norm"         [Liu et al. 2025, sec. 3.2]
};
Result<Aggregation> parse_aggregation(const std::string& name);

/// The weight of each token of sequence i, so that the loss is Σ weight · token loss.
std::vector<double> token_weights(Aggregation mode, std::span<const int64_t> lengths,
                                  int64_t max_length);

}  // namespace r1
