#include "nn/linear.h"

#include <algorithm>

namespace r1 {
namespace {

int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

/// y (N, out) = [y +] b, row by row.
void add_bias(const Launch& launch, Tensor y, Tensor b, bool accumulate) {
  if (launch.plans()) return;
  launch.pool->parallel_for(y.rows(), 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      float* row = y.row(n);
      for (int64_t i = 0; i < y.cols(); ++i) row[i] = accumulate ? row[i] + b.f32()[i] : b.f32()[i];
    }
  });
}

/// db += Σ_n dy, n ascending.
void add_column_sums(const Launch& launch, Tensor db, Tensor dy) {
  if (launch.plans()) return;
  launch.pool->parallel_for(dy.cols(), 64, [&](int64_t begin, int64_t end) {
    for (int64_t n = 0; n < dy.rows(); ++n) {
      for (int64_t i = begin; i < end; ++i) db.f32()[i] += dy.row(n)[i];
    }
  });
}

void multiply_by(const Launch& launch, Tensor x, float factor) {
  if (launch.plans()) return;
  for (int64_t i = 0; i < x.numel(); ++i) x.f32()[i] *= factor;
}

}  // namespace

Linear::Linear() = default;
Linear::~Linear() = default;
Linear::Linear(Linear&&) noexcept = default;
Linear& Linear::operator=(Linear&&) noexcept = default;

void Linear::shape(int64_t out, int64_t in, bool with_bias) {
  weight.shape = {out, in};
  weight.packs = true;
  weight.quantizes = true;
  if (!with_bias) return;
  bias.shape = {out};
  bias.keep_f32 = true;
  bias.first_value = 0.0f;
}

void Linear::adapt(int64_t r, float scale) {
  lora = std::make_unique<Lora>();
  lora->a.shape(r, in());
  lora->b.shape(out(), r);
  lora->scale = scale;
}

int64_t Linear::packed_size(Dtype dtype, bool trained) const {
  return aligned(packed_bytes(in(), out(), dtype)) +
         (trained ? aligned(packed_bytes(out(), in(), dtype)) : 0);
}

void Linear::place_panels(std::byte* memory, Dtype dtype, bool trained) {
  weight.panels = {memory, dtype, in(), out()};
  if (trained) {
    std::byte* second = memory ? memory + aligned(packed_bytes(in(), out(), dtype)) : nullptr;
    weight.panels_transposed = {second, dtype, out(), in()};
  }
}

void Linear::pack(const Launch& launch) {
  if (!weight.weight.data) return;
  gemm_pack(launch, weight.panels, weight.weight, true);
  if (weight.panels_transposed.K > 0) {
    gemm_pack(launch, weight.panels_transposed, weight.weight, false);
  }
}

void Linear::forward(Context& ctx, Tensor y, Tensor x, bool accumulate) const {
  if (!bias.shape.empty()) add_bias(ctx.launch, y, bias.weight, accumulate);
  gemm(ctx.launch, y, x, weight.panels, accumulate || !bias.shape.empty());
  if (lora && ctx.adapters) lora->forward(ctx, y, x);
}

Tensor Linear::forward(Context& ctx, Tensor x) const {
  Tensor y = ctx.f32({x.rows(), out()});
  forward(ctx, y, x, false);
  return y;
}

void Linear::backward(Context& ctx, Tensor dx, Tensor dy, Tensor x, bool accumulate_dx) const {
  if (!dx.empty()) {
    if (weight.panels_transposed.K > 0) {
      gemm(ctx.launch, dx, dy, weight.panels_transposed, accumulate_dx);
    } else {
      gemm_transposed(ctx.launch, dx, dy, weight.panels, accumulate_dx);
    }
  }
  if (!weight.grad.empty()) gemm_weight_gradient(ctx.launch, weight.grad, dy, x);
  if (!bias.grad.empty()) add_column_sums(ctx.launch, bias.grad, dy);
  if (lora && ctx.adapters) lora->backward(ctx, dx, dy, x);
}

void Lora::forward(Context& ctx, Tensor y, Tensor x) const {
  ArenaScope scope(ctx.arena);
  Tensor u = a.forward(ctx, x);
  multiply_by(ctx.launch, u, scale);
  b.forward(ctx, y, u, true);
}

void Lora::backward(Context& ctx, Tensor dx, Tensor dy, Tensor x) const {
  ArenaScope scope(ctx.arena);
  // y += u Bᵀ
  Tensor u = a.forward(ctx, x);
  multiply_by(ctx.launch, u, scale);
  Tensor du = ctx.f32({u.rows(), u.cols()});
  b.backward(ctx, du, dy, u, false);
  // u = scale · x Aᵀ
  multiply_by(ctx.launch, du, scale);
  a.backward(ctx, dx, du, x, true);
}

}  // namespace r1
