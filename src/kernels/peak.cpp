#include "kernels/peak.h"

#include <chrono>

namespace r1 {
namespace {

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

double measure_fma_peak(Backend backend, double seconds) {
  switch (backend) {
#if defined(__x86_64__)
    case Backend::kAvx512:
      return avx512::fma_peak_gflops(seconds_now, seconds);
    case Backend::kAvx2:
      return avx2::fma_peak_gflops(seconds_now, seconds);
#endif
    default:
      return generic::fma_peak_gflops(seconds_now, seconds);
  }
}

}  // namespace r1
