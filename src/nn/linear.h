// y = x Wᵀ [+ b] [+ scale · x Aᵀ Bᵀ]: a weight (out, in), packed once for the forward product and,
// where it is trained, once for its backward; with an optional bias and low-rank adapter.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "kernels/fp8.h"
#include "nn/context.h"
#include "nn/parameter.h"

namespace r1 {

struct Lora;

class Linear {
 public:
  Parameter weight;            // (out, in)
  Parameter bias;              // (out); shape empty: none
  std::unique_ptr<Lora> lora;  // null: none
  /// All three products in FP8; the weight has no panels but these.
  struct Fp8 {
    Fp8Gradient gradient;
    Fp8Weight weight = {};
  };
  std::optional<Fp8> fp8;

  Linear();
  ~Linear();
  Linear(Linear&&) noexcept;
  Linear& operator=(Linear&&) noexcept;

  void shape(int64_t out, int64_t in, bool with_bias = false);
  int64_t in() const { return weight.shape[1]; }
  int64_t out() const { return weight.shape[0]; }
  /// Adds an adapter of rank r; its parameters need a store and panels of their own.
  void adapt(int64_t r, float scale);

  /// Bytes of packed panels this layer needs, held in `dtype`; trained: the transposed ones too.
  int64_t packed_size(Dtype dtype, bool trained) const;
  /// Gives the panels their memory (null on plan).
  void place_panels(std::byte* memory, Dtype dtype, bool trained);
  /// Refreshes the panels after the weight changed; nothing to do when there is only the panels.
  void pack(const Launch& launch);

  /// y (N, out) = [y +] x (N, in) Wᵀ …
  void forward(Context&, Tensor y, Tensor x, bool accumulate) const;
  Tensor forward(Context&, Tensor x) const;
  /// y = x Wᵀ  =>  dx [+]= dy W,  dW += dyᵀ x,  db += Σ dy. dx may be empty.
  void backward(Context&, Tensor dx, Tensor dy, Tensor x, bool accumulate_dx) const;
};

/// One of several layers with different outputs, computed side by side: the experts of a mixture.
struct LinearJob {
  const Linear* linear;
  Tensor y, x;
  bool accumulate = false;
};
struct LinearBackwardJob {
  const Linear* linear;
  Tensor dx, dy, x;
  bool accumulate_dx = false;
};
/// The bits of Linear::forward and Linear::backward, in one parallel loop instead of one each. Jobs
/// that add to a dx come after all that overwrite one; each of the two kinds names a dx once.
void forward_each(Context&, const std::vector<LinearJob>&);
void backward_each(Context&, const std::vector<LinearBackwardJob>&);

/// The low-rank addition to a linear layer: scale · x Aᵀ Bᵀ.        [Hu et al. 2021, section 4.1]
struct Lora {
  Linear a, b;  // (r, in), (out, r): lora_A and lora_B of PEFT
  float scale;  // lora_alpha / r

  void forward(Context&, Tensor y, Tensor x) const;
  void backward(Context&, Tensor dx, Tensor dy, Tensor x) const;
};

}  // namespace r1
