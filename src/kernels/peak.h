// The most that one core can multiply and add with a backend's vectors: the yardstick of every FLOP
// share.
#pragma once

#include "kernels/backend.h"

namespace r1 {

/// GFLOP/s of one core: the best of short runs of independent register chains over `seconds`.
double measure_fma_peak(Backend backend, double seconds);

namespace generic {
double fma_peak_gflops(double (*seconds_now)(), double seconds);
}
namespace avx2 {
double fma_peak_gflops(double (*seconds_now)(), double seconds);
}
namespace avx512 {
double fma_peak_gflops(double (*seconds_now)(), double seconds);
}

}  // namespace r1
