// The three kernels of the gemm column, each in a file of its own.
#pragma once

#include "kernels/cpu/gemm_tile.h"
#include "kernels/gemm.h"

namespace r1::R1_ISA {

void gemm_pack_column(const Launch&, const PackedMatrix& b, Tensor w, bool transposed);
void gemm_weight_gradient_column(const Launch&, Tensor dw, Tensor dy, Tensor x);

/// A loop shorter than so many multiply-adds is not worth a second thread.
constexpr int64_t kMinShare = 1 << 16;

/// How a product is shared: along M in tiles or along N in panels, whichever fills the threads
/// better.
inline bool share_panels(int64_t n_tiles, int64_t n_panels, int64_t n_threads) {
  if (n_tiles <= 4 && n_panels >= 4 * n_threads) return true;  // each thread reads its own weights
  // Tiles (or panels) of the slowest thread, as a share of all.
  return ceil_div(n_panels, n_threads) * n_tiles < ceil_div(n_tiles, n_threads) * n_panels;
}

}  // namespace r1::R1_ISA
