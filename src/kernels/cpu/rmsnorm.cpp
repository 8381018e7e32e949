#include "kernels/columns.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/sweep.h"

R1_SIMD_BEGIN
namespace {

void forward(const Launch& launch, Tensor y, Tensor rstd, Tensor x, Tensor weight, float eps) {
  const int64_t C = x.cols();
  const float* w = weight.f32();
  float* r_out = rstd.f32();
  launch.pool->parallel_for(x.rows(), 16, [=](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const float* in = x.row(n);
      float* out = y.row(n);
      F32x16 squares = zero();
      sweep(0, C, [&](int64_t c, auto step) {
        const F32x16 v = load(in + c, step);
        squares = fma(v, v, squares);
      });
      const float r = 1.0f / std::sqrt(fold(squares) / static_cast<float>(C) + eps);
      const F32x16 scale = broadcast(r);
      sweep(0, C, [&](int64_t c, auto step) {
        store(out + c, (load(in + c, step) * scale) * load(w + c, step), step);
      });
      r_out[n] = r;
    }
  });
}

void backward_row(float* dx, const float* dy, const float* x, const float* w, float r, int64_t C) {
  F32x16 dot = zero();  // of dy·w and x
  sweep(0, C, [&](int64_t c, auto step) {
    dot = fma(load(dy + c, step) * load(w + c, step), load(x + c, step), dot);
  });
  const F32x16 rstd = broadcast(r);
  const F32x16 k = broadcast(r * r * r * (fold(dot) / static_cast<float>(C)));
  sweep(0, C, [&](int64_t c, auto step) {
    const F32x16 dyw = load(dy + c, step) * load(w + c, step);
    const F32x16 d = fma(negate(load(x + c, step)), k, dyw * rstd);
    store(dx + c, load(dx + c, step) + d, step);
  });
}

void backward(const Launch& launch, Tensor dx, Tensor dweight, Tensor dy, Tensor x, Tensor rstd,
              Tensor weight) {
  const int64_t C = x.cols(), N = x.rows();
  const float *r = rstd.f32(), *w = weight.f32();
  launch.pool->parallel_for(N, 16, [=](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      backward_row(dx.row(n), dy.row(n), x.row(n), w, r[n], C);
    }
  });
  if (dweight.empty()) return;
  float* dw = dweight.f32();
  launch.pool->parallel_for(C, 16, [=](int64_t begin, int64_t end) {
    for (int64_t n = 0; n < N; ++n) {
      const float *d = dy.row(n), *in = x.row(n);
      const F32x16 scale = broadcast(r[n]);
      sweep(begin, end, [&](int64_t c, auto step) {
        const F32x16 normal = load(in + c, step) * scale;
        store(dw + c, fma(load(d + c, step), normal, load(dw + c, step)), step);
      });
    }
  });
}

}  // namespace

const RmsNormKernels rmsnorm_column{forward, backward};

R1_SIMD_END
