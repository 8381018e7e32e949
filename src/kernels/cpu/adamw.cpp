#include "kernels/columns.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/sweep.h"

R1_SIMD_BEGIN
namespace {

R1_INLINE F32x16 load_moment(const float* p, auto lanes) { return load(p, lanes); }
R1_INLINE F32x16 load_moment(const uint16_t* p, auto lanes) { return load_bf16(p, lanes); }
R1_INLINE void store_moment(float* p, F32x16 x, auto lanes) { store(p, x, lanes); }
R1_INLINE void store_moment(uint16_t* p, F32x16 x, auto lanes) { store_bf16(p, x, lanes); }

template <class E>
void step_of(const Launch& launch, Tensor w, E* ms, E* vs, Tensor gradient, const AdamWStep& s) {
  float* ws = w.f32();
  const float* gs = gradient.f32();
  launch.pool->parallel_for(w.numel(), kNormChunk, [=, &s](int64_t begin, int64_t end) {
    const F32x16 scale = broadcast(s.gradient_scale), eps = broadcast(s.eps);
    const F32x16 beta1 = broadcast(s.beta1), rest1 = broadcast(1.0f - s.beta1);
    const F32x16 beta2 = broadcast(s.beta2), rest2 = broadcast(1.0f - s.beta2);
    const F32x16 correction1 = broadcast(s.correction1), correction2 = broadcast(s.correction2);
    const F32x16 decay = broadcast(1.0f - s.lr * s.weight_decay), minus_lr = broadcast(-s.lr);
    sweep(begin, end, [&](int64_t i, auto lanes) {
      const F32x16 g = load(gs + i, lanes) * scale;
      const F32x16 mi = fma(beta1, load_moment(ms + i, lanes), rest1 * g);
      const F32x16 vi = fma(beta2, load_moment(vs + i, lanes), rest2 * (g * g));
      const F32x16 update = (mi * correction1) / (sqrt(vi * correction2) + eps);
      store_moment(ms + i, mi, lanes);
      store_moment(vs + i, vi, lanes);
      store(ws + i, fma(minus_lr, update, load(ws + i, lanes) * decay), lanes);
    });
  });
}

void step(const Launch& launch, Tensor w, Tensor m, Tensor v, Tensor gradient, const AdamWStep& s) {
  if (m.dtype == Dtype::kBF16) {
    step_of(launch, w, m.u16(), v.u16(), gradient, s);
  } else {
    step_of(launch, w, m.f32(), v.f32(), gradient, s);
  }
}

double chunk_sum(const float* x, int64_t n) {
  double lane[kLanes] = {};
  sweep(0, n, [&](int64_t i, auto lanes) {
    const F32x16 value = load(x + i, lanes);
    float square[kLanes];
    store(square, value * value);
    for (int j = 0; j < kLanes; ++j) lane[j] += static_cast<double>(square[j]);
  });
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) lane[i] += lane[i + width];
  }
  return lane[0];
}

double sum_of_squares(const Launch& launch, Tensor x) {
  const int64_t size = x.numel(), n_chunks = (size + kNormChunk - 1) / kNormChunk;
  const int64_t n_slots = n_chunks < kNormSlots ? n_chunks : kNormSlots;
  const float* values = x.f32();
  double slots[kNormSlots] = {};
  launch.pool->parallel_for(n_slots, 4, [=, &slots](int64_t begin, int64_t end) {
    for (int64_t slot = begin; slot < end; ++slot) {
      for (int64_t i = slot; i < n_chunks; i += kNormSlots) {
        const int64_t first = i * kNormChunk, left = size - first;
        slots[slot] += chunk_sum(values + first, left < kNormChunk ? left : kNormChunk);
      }
    }
  });
  double total = 0;
  for (double sum : slots) total += sum;
  return total;
}

}  // namespace

const AdamWKernels adamw_column{step, sum_of_squares};

R1_SIMD_END
