#include "nn/linear.h"

#include <algorithm>

namespace r1 {
namespace {

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
  if (fp8) return aligned_bytes(Fp8Weight::bytes(out(), in()));
  const bool turns = trained && weight.n_groups() == 1;
  return aligned_bytes(weight.group_bytes(dtype)) +
         (turns ? aligned_bytes(packed_bytes(out(), in(), dtype)) : 0);
}

void Linear::place_panels(std::byte* memory, Dtype dtype, bool trained) {
  if (fp8) {
    fp8->weight = {out(), in(), memory};
    return;
  }
  weight.panels = {memory, dtype, in(), out()};
  if (trained && weight.n_groups() == 1) {
    std::byte* second = memory ? memory + aligned_bytes(packed_bytes(in(), out(), dtype)) : nullptr;
    weight.panels_transposed = {second, dtype, out(), in()};
  }
}

void Linear::pack(const Launch& launch) {
  if (!weight.weight.data) return;
  if (fp8) return fp8_pack(launch, fp8->weight, weight.weight);
  for (int64_t i = 0; i < weight.n_groups(); ++i) {
    const PanelGroup group = weight.group(i);
    const Tensor rows = weight.weight.slice_rows(group.first_row, group.first_row + group.panels.N);
    gemm_pack(launch, group.panels, rows, true);
  }
  if (weight.panels_transposed.K > 0) {
    gemm_pack(launch, weight.panels_transposed, weight.weight, false);
  }
}

void Linear::forward(Context& ctx, Tensor y, Tensor x, bool accumulate) const {
  if (!bias.shape.empty()) add_bias(ctx.launch, y, bias.weight, accumulate);
  const bool adds = accumulate || !bias.shape.empty();
  if (fp8) {
    fp8_forward(ctx.launch, ctx.arena, y, x, fp8->weight, adds);
  } else {
    gemm(ctx.launch, y, x, weight.panels, adds);
  }
  if (lora && ctx.adapters) lora->forward(ctx, y, x);
}

Tensor Linear::forward(Context& ctx, Tensor x) const {
  Tensor y = ctx.f32({x.rows(), out()});
  forward(ctx, y, x, false);
  return y;
}

void Linear::backward(Context& ctx, Tensor dx, Tensor dy, Tensor x, bool accumulate_dx) const {
  if (fp8) {
    if (!dx.empty()) {
      fp8_backward(ctx.launch, ctx.arena, dx, dy, fp8->weight, fp8->gradient, accumulate_dx);
    }
    fp8_weight_gradient(ctx.launch, ctx.arena, weight.grad, dy, x);
    if (!bias.grad.empty()) add_column_sums(ctx.launch, bias.grad, dy);
    return;
  }
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

void forward_each(Context& ctx, const std::vector<LinearJob>& jobs) {
  if (!jobs.empty() && jobs[0].linear->fp8) {
    for (const auto& [linear, y, x, accumulate] : jobs) linear->forward(ctx, y, x, accumulate);
    return;
  }
  std::vector<GemmJob> products;
  products.reserve(jobs.size());
  for (const auto& [linear, y, x, accumulate] : jobs) {
    const bool has_bias = !linear->bias.shape.empty();
    if (has_bias) add_bias(ctx.launch, y, linear->bias.weight, accumulate);
    products.push_back({y, x, &linear->weight.panels, accumulate || has_bias});
  }
  gemm_each(ctx.launch, products);
  for (const LinearJob& job : jobs) {
    if (job.linear->lora && ctx.adapters) job.linear->lora->forward(ctx, job.y, job.x);
  }
}

void backward_each(Context& ctx, const std::vector<LinearBackwardJob>& jobs) {
  if (!jobs.empty() && jobs[0].linear->fp8) {
    for (bool adds : {false, true}) {
      for (const auto& [linear, dx, dy, x, accumulate_dx] : jobs) {
        if (accumulate_dx == adds) linear->backward(ctx, dx, dy, x, accumulate_dx);
      }
    }
    return;
  }
  std::vector<GemmJob> products;
  std::vector<GradientJob> gradients;
  for (bool adds : {false, true}) {
    for (bool frozen : {false, true}) {
      products.clear();
      for (const auto& [linear, dx, dy, x, accumulate_dx] : jobs) {
        const Parameter& w = linear->weight;
        if (dx.empty() || accumulate_dx != adds || (w.panels_transposed.K == 0) != frozen) continue;
        products.push_back({dx, dy, frozen ? &w.panels : &w.panels_transposed, adds});
      }
      (frozen ? gemm_transposed_each : gemm_each)(ctx.launch, products);
    }
  }
  for (const auto& [linear, dx, dy, x, accumulate_dx] : jobs) {
    if (!linear->weight.grad.empty()) gradients.push_back({linear->weight.grad, dy, x});
    if (!linear->bias.grad.empty()) add_column_sums(ctx.launch, linear->bias.grad, dy);
  }
  gemm_weight_gradient_each(ctx.launch, gradients);
  for (const auto& [linear, dx, dy, x, accumulate_dx] : jobs) {
    if (linear->lora && ctx.adapters) linear->lora->backward(ctx, dx, dy, x);
  }
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
