#include "kernels/slots.h"

#include "kernels/columns.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/sweep.h"

R1_SIMD_BEGIN
namespace {

constexpr int64_t kRowsAtOnce = 16;

void gather(const Launch& launch, Tensor to, Tensor x, const int32_t* rows) {
  const int64_t C = x.cols();
  float* out = to.f32();
  const float* in = x.f32();
  launch.pool->parallel_for(to.rows(), kRowsAtOnce, [=](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) {
      sweep(0, C, [&](int64_t c, auto step) {
        store(out + s * C + c, load(in + rows[s] * C + c, step), step);
      });
    }
  });
}

void combine(const Launch& launch, Tensor y, Tensor ys, const int32_t* slots, int64_t K,
             Tensor weights, bool accumulate) {
  const int64_t C = y.cols();
  float* sums = y.f32();
  const float* from = ys.f32();
  const float* w = weights.empty() ? nullptr : weights.f32();
  launch.pool->parallel_for(y.rows(), kRowsAtOnce, [=](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      float* out = sums + n * C;
      sweep(0, C, [&](int64_t c, auto step) {
        F32x16 acc = accumulate ? load(out + c, step) : zero();
        for (int64_t k = n * K; k < (n + 1) * K; ++k) {
          acc = fma(broadcast(w ? w[k] : 1.0f), load(from + slots[k] * C + c, step), acc);
        }
        store(out + c, acc, step);
      });
    }
  });
}

void combine_backward(const Launch& launch, Tensor dys, Tensor dweights, Tensor dy, Tensor ys,
                      const int32_t* slots, Tensor weights) {
  const int64_t C = dy.cols(), K = weights.cols();
  float *douts = dys.f32(), *dw = dweights.f32();
  const float *din = dy.f32(), *outs = ys.f32(), *w = weights.f32();
  launch.pool->parallel_for(dy.rows(), kRowsAtOnce, [=](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      for (int64_t k = n * K; k < (n + 1) * K; ++k) {
        const F32x16 weight = broadcast(w[k]);
        F32x16 dot = zero();
        sweep(0, C, [&](int64_t c, auto step) {
          const F32x16 d = load(din + n * C + c, step);
          dot = fma(d, load(outs + slots[k] * C + c, step), dot);
          store(douts + slots[k] * C + c, weight * d, step);
        });
        dw[k] = fold(dot);
      }
    }
  });
}

}  // namespace

const SlotKernels slot_column{gather, combine, combine_backward};

R1_SIMD_END
