// The experts' side of one optimizer step: how many rows went to each, and the loss that evens
// them.
#pragma once

#include <vector>

#include "nn/router.h"

namespace r1 {

/// A backward pass counts, since there is one for each forward pass that learns, recomputed or not.
/// Counts are integers: any split into micro-batches (or ranks) adds up to the same.
struct ExpertTally {
  struct Layer {
    std::vector<int64_t> loads;  // (E) rows that went to each expert
    double loss = 0;             // the step's balance loss so far
  };
  BalanceLoss balance;
  BatchView batch;                  // of the rows that pass just now
  std::vector<Layer> layers, last;  // by Moe::place: of this step, and of the one that ended last

  /// Counts a layer's routes. Returns dscores (N, E) of the balance loss, empty where there is
  /// none.
  Tensor add(Context&, int64_t place, const Routes&);
  /// The layers become the last; the next step begins at 0.
  void end_step();
};

}  // namespace r1
