// AdamW over a flat store, with clipping by the global norm.           [Loshchilov & Hutter 2019,
// alg. 2]
#pragma once

#include <string>

#include "base/error.h"
#include "kernels/adamw.h"
#include "nn/parameter.h"

namespace r1 {

struct AdamWConfig {
  float beta1 = 0.9f, beta2 = 0.95f, eps = 1e-8f, weight_decay = 0.0f;
  float max_grad_norm = 1.0f;  // 0: no clipping
  std::string moments_dtype = "f32";

  Dtype moments() const { return moments_dtype == "bf16" ? Dtype::kBF16 : Dtype::kF32; }
  Result<void> validate() const;

  void visit(auto&& f) {
    f("beta1", beta1, "decay of the mean of gradients");
    f("beta2", beta2, "decay of the mean of squared gradients");
    f("eps", eps, "added to the root");
    f("weight_decay", weight_decay, "decoupled decay of every weight");
    f("max_grad_norm", max_grad_norm, "clip the global gradient norm to this; 0: off");
    f("moments_dtype", moments_dtype, "f32, or bf16: half the memory, as DeepSeek-V3 trained");
  }
};

class AdamW {
 public:
  AdamW(const ParameterStore& store, const AdamWConfig& config);
  ~AdamW();
  AdamW(const AdamW&) = delete;
  AdamW& operator=(const AdamW&) = delete;

  /// One update from the store's gradients; returns their norm before clipping. NaN or Inf: nothing
  /// is changed and the error names the first bad tensor.
  Result<double> step(const Launch&, float lr);

  /// From now on only the first n elements of the store change.
  void learn_first(int64_t n) { n_learning_ = n; }

  int64_t n_steps() const { return n_steps_; }
  void set_n_steps(int64_t n) { n_steps_ = n; }
  Tensor mean() const { return mean_; }          // (n) like the store's masters
  Tensor variance() const { return variance_; }  // (n)
  /// Bytes of state for a store of this size.
  static int64_t state_bytes(const ParameterStore& store, const AdamWConfig& config = {}) {
    return 2 * store.numel() * dtype_size(config.moments());
  }

 private:
  const ParameterStore& store_;
  AdamWConfig config_;
  Tensor mean_, variance_;
  std::byte* memory_ = nullptr;
  int64_t n_steps_ = 0, n_learning_ = 0;
};

}  // namespace r1
