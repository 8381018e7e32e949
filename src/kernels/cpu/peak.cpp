#include "kernels/peak.h"

#include "kernels/cpu/simd.h"

R1_SIMD_BEGIN

namespace {

#if defined(R1_ISA_avx512)
constexpr int kChains = 24;
#elif defined(R1_ISA_avx2)
constexpr int kChains = 6;  // of two registers each
#else
constexpr int kChains = 1;
#endif

/// Fused multiply-adds on independent register chains and nothing else.
__attribute__((noinline)) float run_chains(int64_t n, float seed) {
  F32x16 acc[kChains];
  for (int c = 0; c < kChains; ++c) acc[c] = broadcast(seed + static_cast<float>(c));
  const F32x16 a = broadcast(0.999f), b = broadcast(0.001f);
  for (int64_t i = 0; i < n; ++i) {
#pragma GCC unroll 24
    for (int c = 0; c < kChains; ++c) acc[c] = fma(acc[c], a, b);
  }
  F32x16 total = acc[0];
  for (int c = 1; c < kChains; ++c) total = total + acc[c];
  return fold(total);
}

}  // namespace

double fma_peak_gflops(double (*seconds_now)(), double seconds) {
  constexpr int64_t kRounds = 20000;
  volatile float seed = 1.0f;  // feeds each run's result to the next: none can be left out
  double best = 0, begin = seconds_now(), last = begin;
  while (last - begin < seconds) {
    seed = run_chains(kRounds, seed);
    const double now = seconds_now();
    const double flops = 2.0 * 16 * kChains * static_cast<double>(kRounds);
    if (now > last && flops / (now - last) > best) best = flops / (now - last);
    last = now;
  }
  return best * 1e-9;
}

R1_SIMD_END
