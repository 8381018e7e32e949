#include "nn/optimizer.h"

#include <cmath>

namespace r1 {

AdamW::AdamW(const ParameterStore& store, const AdamWConfig& config)
    : store_(store), config_(config) {
  memory_ = allocate_pages(static_cast<size_t>(state_bytes(store)));
  mean_ = Tensor(memory_, Dtype::kF32, {store.numel()});
  variance_ = Tensor(memory_ + store.numel() * 4, Dtype::kF32, {store.numel()});
}

AdamW::~AdamW() { free_pages(memory_, static_cast<size_t>(state_bytes(store_))); }

Result<double> AdamW::step(const Launch& launch, float lr) {
  double squares = 0;
  for (const Parameter* p : store_.parameters()) {
    const double part = sum_of_squares(launch, p->grad);
    if (!std::isfinite(part)) return fail("the gradient of {} is not finite", p->name);
    squares += part;
  }
  const double norm = std::sqrt(squares);
  AdamWStep s{lr, config_.beta1, config_.beta2, config_.eps, config_.weight_decay, 0, 0, 1};
  ++n_steps_;
  s.correction1 = static_cast<float>(1.0 / (1.0 - std::pow(config_.beta1, n_steps_)));
  s.correction2 = static_cast<float>(1.0 / (1.0 - std::pow(config_.beta2, n_steps_)));
  if (config_.max_grad_norm > 0 && norm > config_.max_grad_norm) {
    s.gradient_scale = static_cast<float>(config_.max_grad_norm / norm);
  }
  adamw_step(launch, store_.masters(), mean_, variance_, store_.grads(), s);
  return norm;
}

}  // namespace r1
