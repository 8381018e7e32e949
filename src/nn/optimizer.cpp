#include "nn/optimizer.h"

#include <cmath>

namespace r1 {

Result<void> AdamWConfig::validate() const {
  if (moments_dtype == "f32" || moments_dtype == "bf16") return {};
  return fail("optimizer.moments_dtype is '{}'; it is f32 or bf16", moments_dtype);
}

AdamW::AdamW(const ParameterStore& store, const AdamWConfig& config)
    : store_(store), config_(config), n_learning_(store.numel()) {
  const int64_t bytes = state_bytes(store, config);
  memory_ = allocate_pages(static_cast<size_t>(bytes));
  mean_ = Tensor(memory_, config.moments(), {store.numel()});
  variance_ = Tensor(memory_ + bytes / 2, config.moments(), {store.numel()});
}

namespace {

Tensor first(Tensor flat, int64_t n) { return Tensor(flat.data, flat.dtype, {n}); }

}  // namespace

AdamW::~AdamW() { free_pages(memory_, static_cast<size_t>(state_bytes(store_, config_))); }

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
  adamw_step(launch, first(store_.masters(), n_learning_), first(mean_, n_learning_),
             first(variance_, n_learning_), first(store_.grads(), n_learning_), s);
  return norm;
}

}  // namespace r1
