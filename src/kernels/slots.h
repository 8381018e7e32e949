// Rows that go to K places each and come back as a weighted sum: the two ends of a mixture of
// experts.
#pragma once

#include "kernels/backend.h"

namespace r1 {

struct SlotKernels {
  /// to (S, C): row s is row rows[s] of x (N, C).
  void (*gather)(const Launch&, Tensor to, Tensor x, const int32_t* rows);
  /// y (N, C) = [y +] Σ_k w_nk ys[slots[n, k]], k ascending: acc = y or 0; acc = fma(w_nk, ys,
  /// acc). weights (N, K); empty: all 1.
  void (*combine)(const Launch&, Tensor y, Tensor ys, const int32_t* slots, int64_t K,
                  Tensor weights, bool accumulate);
  /// Of combine with weights: dys[slots[n, k]] = w_nk dy_n, dweights_nk = dy_n · ys[slots[n, k]] in
  /// 16 lanes.
  void (*combine_backward)(const Launch&, Tensor dys, Tensor dweights, Tensor dy, Tensor ys,
                           const int32_t* slots, Tensor weights);
};
const SlotKernels& slot_kernels(Backend);

void gather_slots(const Launch&, Tensor to, Tensor x, Tensor rows);
void combine_slots(const Launch&, Tensor y, Tensor ys, Tensor slots, Tensor weights,
                   bool accumulate);
void combine_slots_backward(const Launch&, Tensor dys, Tensor dweights, Tensor dy, Tensor ys,
                            Tensor slots, Tensor weights);

}  // namespace r1
