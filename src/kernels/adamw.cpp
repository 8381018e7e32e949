#include "kernels/adamw.h"

#include <algorithm>
#include <cmath>

#include "kernels/columns.h"
#include "kernels/lanes.h"

namespace r1 {
namespace {

float moment(const Tensor& t, int64_t i) {
  return t.dtype == Dtype::kBF16 ? bf16_to_f32(t.u16()[i]) : t.f32()[i];
}
void set_moment(const Tensor& t, int64_t i, float x) {
  if (t.dtype == Dtype::kBF16) {
    t.u16()[i] = f32_to_bf16(x);
  } else {
    t.f32()[i] = x;
  }
}

void step(const Launch& launch, Tensor w, Tensor m, Tensor v, Tensor gradient, const AdamWStep& s) {
  const float decay = 1.0f - s.lr * s.weight_decay;
  launch.pool->parallel_for(w.numel(), kNormChunk, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float g = gradient.f32()[i] * s.gradient_scale;
      const float mi = std::fmaf(s.beta1, moment(m, i), (1.0f - s.beta1) * g);
      const float vi = std::fmaf(s.beta2, moment(v, i), (1.0f - s.beta2) * (g * g));
      const float update = (mi * s.correction1) / (std::sqrt(vi * s.correction2) + s.eps);
      set_moment(m, i, mi);
      set_moment(v, i, vi);
      w.f32()[i] = std::fmaf(-s.lr, update, w.f32()[i] * decay);
    }
  });
}

double chunk_sum(const float* x, int64_t n) {
  double lane[kLanes] = {};
  for (int64_t i = 0; i < n; ++i) lane[i % kLanes] += static_cast<double>(x[i] * x[i]);
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) lane[i] += lane[i + width];
  }
  return lane[0];
}

double sum_of_squares_reference(const Launch& launch, Tensor x) {
  const int64_t n_chunks = (x.numel() + kNormChunk - 1) / kNormChunk;
  double slots[kNormSlots] = {};
  launch.pool->parallel_for(std::min(n_chunks, kNormSlots), 4, [&](int64_t begin, int64_t end) {
    for (int64_t slot = begin; slot < end; ++slot) {
      for (int64_t i = slot; i < n_chunks; i += kNormSlots) {
        const int64_t first = i * kNormChunk;
        slots[slot] += chunk_sum(x.f32() + first, std::min(kNormChunk, x.numel() - first));
      }
    }
  });
  double total = 0;
  for (double sum : slots) total += sum;
  return total;
}

constexpr AdamWKernels kReference{step, sum_of_squares_reference};

}  // namespace

const AdamWKernels& adamw_kernels(Backend backend) {
  return R1_PICK(backend, kReference, adamw_column);
}

void adamw_step(const Launch& launch, Tensor w, Tensor m, Tensor v, Tensor gradient,
                const AdamWStep& s) {
  CHECK(w.numel() == m.numel() && w.numel() == v.numel() && w.numel() == gradient.numel(),
        "adamw: w {} gradient {}", w.shape_text(), gradient.shape_text());
  CHECK(m.dtype == v.dtype && (m.dtype == Dtype::kF32 || m.dtype == Dtype::kBF16), "moments in {}",
        dtype_name(m.dtype));
  if (launch.plans()) return;
  adamw_kernels(launch.backend).step(launch, w, m, v, gradient, s);
}

double sum_of_squares(const Launch& launch, Tensor x) {
  if (launch.plans()) return 0;
  return adamw_kernels(launch.backend).sum_of_squares(launch, x);
}

}  // namespace r1
