#include "kernels/cross_entropy.h"

#include <algorithm>

#include "kernels/columns.h"
#include "kernels/lanes.h"

namespace r1 {
namespace {

void forward(const Launch& launch, Tensor logp, Tensor entropy, Tensor lse, Tensor logits,
             const int32_t* targets, const float* inverse_temperature) {
  const int64_t V = logits.cols();
  launch.pool->parallel_for(logits.rows(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const float *l = logits.row(n), t = inverse_temperature[n];
      float max = l[0] * t;
      for (int64_t i = 1; i < V; ++i) max = std::max(max, l[i] * t);
      LaneSum sum, weighted;
      for (int64_t i = 0; i < V; ++i) {
        const float shifted = l[i] * t - max, e = exp_f32(shifted);
        sum.add(i, e);
        weighted.fma(i, e, e > 0.0f ? shifted : 0.0f);
      }
      const float total = sum.fold(), log_total = log_f32(total);
      lse.f32()[n] = max + log_total;
      logp.f32()[n] = l[targets[n]] * t - lse.f32()[n];
      entropy.f32()[n] = log_total - weighted.fold() / total;
    }
  });
}

void backward(const Launch& launch, Tensor logits, const int32_t* targets,
              const float* inverse_temperature, Tensor lse, Tensor entropy, Tensor dlogp,
              Tensor dentropy) {
  const int64_t V = logits.cols();
  launch.pool->parallel_for(logits.rows(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      float* l = logits.row(n);
      const float t = inverse_temperature[n], d = dlogp.f32()[n], dh = dentropy.f32()[n];
      const float h = entropy.f32()[n];
      for (int64_t i = 0; i < V; ++i) {
        const float log_p = l[i] * t - lse.f32()[n], p = exp_f32(log_p);
        const float surprise = p > 0.0f ? log_p + h : 0.0f;
        const float dz = p * std::fmaf(-dh, surprise, -d);
        l[i] = (i == targets[n] ? dz + d : dz) * t;
      }
    }
  });
}

constexpr CrossEntropyKernels kReference{forward, backward};

}  // namespace

const CrossEntropyKernels& cross_entropy_kernels(Backend backend) {
  return R1_PICK(backend, kReference, cross_entropy_column);
}

void cross_entropy_forward(const Launch& launch, Tensor logp, Tensor entropy, Tensor lse,
                           Tensor logits, const int32_t* targets,
                           const float* inverse_temperature) {
  CHECK(logp.numel() == logits.rows() && entropy.numel() == logits.rows() &&
            lse.numel() == logits.rows(),
        "cross entropy: logits {} logp {}", logits.shape_text(), logp.shape_text());
  if (launch.plans()) return;
  cross_entropy_kernels(launch.backend)
      .forward(launch, logp, entropy, lse, logits, targets, inverse_temperature);
}

void cross_entropy_backward(const Launch& launch, Tensor logits, const int32_t* targets,
                            const float* inverse_temperature, Tensor lse, Tensor entropy,
                            Tensor dlogp, Tensor dentropy) {
  CHECK(dlogp.numel() == logits.rows() && dentropy.numel() == logits.rows(),
        "cross entropy backward: logits {} dlogp {}", logits.shape_text(), dlogp.shape_text());
  if (launch.plans()) return;
  cross_entropy_kernels(launch.backend)
      .backward(launch, logits, targets, inverse_temperature, lse, entropy, dlogp, dentropy);
}

}  // namespace r1
