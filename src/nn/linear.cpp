#include "nn/linear.h"

namespace r1 {
namespace {

int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

void Linear::shape(int64_t out, int64_t in, float init_std) {
  weight.shape = {out, in};
  weight.init_std = init_std;
}

int64_t Linear::packed_size(bool training) const {
  const Dtype dtype = weight.weight.dtype;
  return aligned(packed_bytes(in(), out(), dtype)) +
         (training ? aligned(packed_bytes(out(), in(), dtype)) : 0);
}

void Linear::place_panels(std::byte* memory, bool training) {
  const Dtype dtype = weight.weight.dtype;
  forward_ = {memory, dtype, in(), out()};
  if (training) {
    std::byte* second = memory ? memory + aligned(packed_bytes(in(), out(), dtype)) : nullptr;
    backward_ = {second, dtype, out(), in()};
  }
}

void Linear::pack(const Launch& launch) {
  gemm_pack(launch, forward_, weight.weight, true);
  if (backward_.K > 0) gemm_pack(launch, backward_, weight.weight, false);
}

void Linear::forward(Context& ctx, Tensor y, Tensor x, bool accumulate) const {
  gemm(ctx.launch, y, x, forward_, accumulate);
}

Tensor Linear::forward(Context& ctx, Tensor x) const {
  Tensor y = ctx.f32({x.rows(), out()});
  forward(ctx, y, x, false);
  return y;
}

void Linear::backward(Context& ctx, Tensor dx, Tensor dy, Tensor x, bool accumulate_dx) const {
  if (!dx.empty()) gemm(ctx.launch, dx, dy, backward_, accumulate_dx);
  if (!weight.grad.empty()) gemm_weight_gradient(ctx.launch, weight.grad, dy, x);
}

}  // namespace r1
