// y = x Wᵀ: a weight (out, in), packed once for the forward product and once for its backward.
#pragma once

#include <vector>

#include "kernels/gemm.h"
#include "nn/context.h"
#include "nn/parameter.h"

namespace r1 {

class Linear {
 public:
  Parameter weight;  // (out, in)

  void shape(int64_t out, int64_t in, float init_std);
  int64_t in() const { return weight.shape[1]; }
  int64_t out() const { return weight.shape[0]; }

  /// Bytes of packed panels this layer needs.
  int64_t packed_size(bool training) const;
  /// Gives the panels their memory (null on plan).
  void place_panels(std::byte* memory, bool training);
  /// Refreshes the panels after the weight changed.
  void pack(const Launch& launch);

  /// y (N, out) = [y +] x (N, in) Wᵀ.
  void forward(Context&, Tensor y, Tensor x, bool accumulate) const;
  Tensor forward(Context&, Tensor x) const;
  /// y = x Wᵀ  =>  dx [+]= dy W,  dW += dyᵀ x. dx may be empty.
  void backward(Context&, Tensor dx, Tensor dy, Tensor x, bool accumulate_dx) const;

 private:
  PackedMatrix forward_;   // (in, out)
  PackedMatrix backward_;  // (out, in)
};

}  // namespace r1
