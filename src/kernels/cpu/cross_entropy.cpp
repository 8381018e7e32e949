#include "kernels/columns.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/sweep.h"

R1_SIMD_BEGIN
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float largest(const float* logits, int64_t V, F32x16 t) {
  const F32x16 lowest = broadcast(-kInfinity);
  F32x16 top = lowest;
  sweep(0, V, [&](int64_t i, auto step) {
    top = max(top, within(step, load(logits + i, step) * t, lowest));
  });
  return hmax(top);
}

struct RowSums {
  float total, weighted;  // Σ exp(z − max), Σ exp(z − max) (z − max)
};

RowSums row_sums(const float* logits, int64_t V, F32x16 t, float max_z) {
  const F32x16 top = broadcast(max_z), lowest = broadcast(-kInfinity);
  F32x16 sum = zero(), weighted = zero();
  sweep(0, V, [&](int64_t i, auto step) {
    const F32x16 shifted = within(step, load(logits + i, step) * t - top, lowest);
    const F32x16 e = exp(shifted);
    sum = sum + e;
    weighted = fma(e, select(less(zero(), e), shifted, zero()), weighted);
  });
  return {fold(sum), fold(weighted)};
}

void forward(const Launch& launch, Tensor logp, Tensor entropy, Tensor lse, Tensor logits,
             const int32_t* targets, const float* inverse_temperature) {
  const int64_t V = logits.cols();
  float *logps = logp.f32(), *entropies = entropy.f32(), *lses = lse.f32();
  launch.pool->parallel_for(logits.rows(), 1 + 4096 / V, [=](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const float *l = logits.row(n), t = inverse_temperature[n];
      const float max_z = largest(l, V, broadcast(t));
      const RowSums sums = row_sums(l, V, broadcast(t), max_z);
      const float log_total = log_f32(sums.total);
      lses[n] = max_z + log_total;
      logps[n] = l[targets[n]] * t - lses[n];
      entropies[n] = log_total - sums.weighted / sums.total;
    }
  });
}

/// The derivative by z, but for the target's dlogp.
struct LogitGradient {
  F32x16 t, lse, entropy, minus_dentropy, minus_dlogp;

  R1_INLINE F32x16 at(F32x16 logits) const {
    const F32x16 log_p = logits * t - lse, p = exp(log_p);
    const F32x16 surprise = select(less(zero(), p), log_p + entropy, zero());
    return p * fma(minus_dentropy, surprise, minus_dlogp);
  }
};

void backward(const Launch& launch, Tensor logits, const int32_t* targets,
              const float* inverse_temperature, Tensor lse, Tensor entropy, Tensor dlogp,
              Tensor dentropy) {
  const int64_t V = logits.cols();
  const float *lses = lse.f32(), *entropies = entropy.f32();
  const float *dlogps = dlogp.f32(), *dentropies = dentropy.f32();
  launch.pool->parallel_for(logits.rows(), 1 + 4096 / V, [=](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      float* l = logits.row(n);
      const float t = inverse_temperature[n], d = dlogps[n];
      const LogitGradient gradient{broadcast(t), broadcast(lses[n]), broadcast(entropies[n]),
                                   broadcast(-dentropies[n]), broadcast(-d)};
      float target[kLanes];
      store(target, gradient.at(broadcast(l[targets[n]])));
      sweep(0, V, [&](int64_t i, auto step) {
        store(l + i, gradient.at(load(l + i, step)) * gradient.t, step);
      });
      l[targets[n]] = (target[0] + d) * t;
    }
  });
}

}  // namespace

const CrossEntropyKernels cross_entropy_column{forward, backward};

R1_SIMD_END
