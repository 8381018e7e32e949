#include "kernels/rmsnorm.h"

#include <cmath>

#include "kernels/columns.h"
#include "kernels/lanes.h"

namespace r1 {
namespace {

void forward(const Launch& launch, Tensor y, Tensor rstd, Tensor x, Tensor weight, float eps) {
  const int64_t C = x.cols();
  launch.pool->parallel_for(x.rows(), 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      LaneSum squares;
      for (int64_t c = 0; c < C; ++c) squares.fma(c, x.row(n)[c], x.row(n)[c]);
      const float r = 1.0f / std::sqrt(squares.fold() / static_cast<float>(C) + eps);
      for (int64_t c = 0; c < C; ++c) y.row(n)[c] = (x.row(n)[c] * r) * weight.f32()[c];
      rstd.f32()[n] = r;
    }
  });
}

void backward(const Launch& launch, Tensor dx, Tensor dweight, Tensor dy, Tensor x, Tensor rstd,
              Tensor weight) {
  const int64_t C = x.cols(), N = x.rows();
  launch.pool->parallel_for(N, 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const float r = rstd.f32()[n];
      LaneSum dot;  // of dy·w and x
      for (int64_t c = 0; c < C; ++c) dot.fma(c, dy.row(n)[c] * weight.f32()[c], x.row(n)[c]);
      const float k = r * r * r * (dot.fold() / static_cast<float>(C));
      for (int64_t c = 0; c < C; ++c) {
        const float dyw = dy.row(n)[c] * weight.f32()[c];
        dx.row(n)[c] = dx.row(n)[c] + std::fmaf(-x.row(n)[c], k, dyw * r);
      }
    }
  });
  if (dweight.empty()) return;
  launch.pool->parallel_for(C, 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = 0; n < N; ++n) {
      for (int64_t c = begin; c < end; ++c) {
        dweight.f32()[c] = std::fmaf(dy.row(n)[c], x.row(n)[c] * rstd.f32()[n], dweight.f32()[c]);
      }
    }
  });
}

constexpr RmsNormKernels kReference{forward, backward};

}  // namespace

const RmsNormKernels& rmsnorm_kernels(Backend backend) {
  return R1_PICK(backend, kReference, rmsnorm_column);
}

void rmsnorm_forward(const Launch& launch, Tensor y, Tensor rstd, Tensor x, Tensor weight,
                     float eps) {
  CHECK(x.cols() == weight.numel() && y.numel() == x.numel() && rstd.numel() == x.rows(),
        "rmsnorm: x {} weight {} y {}", x.shape_text(), weight.shape_text(), y.shape_text());
  if (launch.plans()) return;
  rmsnorm_kernels(launch.backend).forward(launch, y, rstd, x, weight, eps);
}

void rmsnorm_backward(const Launch& launch, Tensor dx, Tensor dweight, Tensor dy, Tensor x,
                      Tensor rstd, Tensor weight) {
  CHECK(dx.numel() == x.numel() && dy.numel() == x.numel() && x.cols() == weight.numel(),
        "rmsnorm backward: dx {} dy {} x {}", dx.shape_text(), dy.shape_text(), x.shape_text());
  if (launch.plans()) return;
  rmsnorm_kernels(launch.backend).backward(launch, dx, dweight, dy, x, rstd, weight);
}

}  // namespace r1
