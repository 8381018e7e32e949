// Multi-token prediction as a second loss beside the main one.        [DeepSeek-V3, section 2.2]
#pragma once

#include <vector>

#include "base/records.h"
#include "models/transformer.h"
#include "train/batch.h"

namespace r1 {

/// The weight of the loss, in two steps: V3 has 0.3 for 10T tokens, then 0.1 for 4.8T.
struct MtpSchedule {
  double mtp_loss_weight = 0.3;
  double mtp_loss_weight_end = 0.1;
  double mtp_loss_switch = 0.676;

  void visit(auto&& f) {
    f("mtp_loss_weight", mtp_loss_weight,
      "weight of the multi-token prediction loss, where the model has such modules; 0: they stay "
      "as they are");
    f("mtp_loss_weight_end", mtp_loss_weight_end, "the same after mtp_loss_switch");
    f("mtp_loss_switch", mtp_loss_switch, "share of all steps after which it changes");
  }
  Result<void> validate() const;
  /// After this share of the steps.
  double weight(double share_done) const {
    return share_done < mtp_loss_switch ? mtp_loss_weight : mtp_loss_weight_end;
  }
};

/// The term λ / D Σ_k CE_k of a loss, added up over the micro-batches of one update.
/// CE_k = Σ_i w_{i+k+1} (−log P^k(token i + k + 1)) / total, total being what the main loss is
/// divided by: T, and not T − k, as the paper prints it.                 [DeepSeek-V3, eqs. 24, 25]
struct MtpLoss {
  float weight = 0;          // λ; 0: none
  double total = 1;          // the weights of all tokens of the update
  bool is_detached = false;  // gradients reach the modules alone: not the main model, not the words

  struct Depth {
    double loss = 0;            // CE_k
    int64_t n_best = 0, n = 0;  // targets that were the likeliest token, of all
  };
  std::vector<Depth> depths;

  /// mtp_loss and mtp_accuracy; of several depths mtp_loss/1, mtp_accuracy/1, …
  void describe(Metrics& metrics) const;
};

/// Forward and backward of all modules for a batch whose main model gave h (N, C): adds to their
/// gradients, to those of embedding and head, and to dh (N, C).
Result<void> add_mtp(Context&, const Transformer&, const Batch&, float inverse_temperature,
                     Tensor h, Tensor dh, MtpLoss& loss);

}  // namespace r1
