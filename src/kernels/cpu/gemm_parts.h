// The kernels of the gemm column and what they share, each in a file of its own.
#pragma once

#include "kernels/cpu/gemm_tile.h"
#include "kernels/gemm.h"

namespace r1::R1_ISA {

void gemm_pack_column(const Launch&, const PackedMatrix& b, Tensor w, bool transposed);
void gemm_pack_panel_column(const PackedMatrix& b, int64_t panel, const void* rows, int64_t n);
void gemm_weight_gradient_column(const Launch&, Tensor dw, Tensor dy, Tensor x);
void gemm_weight_gradient_each_column(const Launch&, const GradientJob* jobs, int64_t n);

/// Rows k of a panel; for blocks of integers k.begin starts one.
inline std::byte* panel_row(const PackedMatrix& b, int64_t panel, int64_t k) {
  return static_cast<std::byte*>(b.data) + panel * panel_bytes(b.K, b.dtype) +
         panel_bytes(k, b.dtype);
}

/// Rows k of a panel of B in f32: (k, 32).
void widen_panel(float* to, const PackedMatrix& b, int64_t panel, Span k);
/// Rows n of a panel of Bᵀ in f32, made from B's panels: (n, 32). n.begin is a multiple of 32; room
/// for the 32 rows that n.end falls into.
void widen_transposed_panel(float* to, const PackedMatrix& b, int64_t panel, Span n);

/// A loop shorter than so many multiply-adds is not worth a second thread.
constexpr int64_t kMinShare = 1 << 16;

/// How a product is shared: along M in tiles or along N in panels, whichever fills the threads
/// better.
inline bool share_panels(int64_t n_tiles, int64_t n_panels, int64_t n_threads) {
  if (n_tiles <= 4 && n_panels >= 4 * n_threads) return true;  // each thread reads its own weights
  // Tiles (or panels) of the slowest thread, as a share of all.
  return ceil_div(n_panels, n_threads) * n_tiles < ceil_div(n_tiles, n_threads) * n_panels;
}

/// Equal units of work of one of several jobs that lie in a row.
struct Units {
  int64_t n, cost;
  int64_t total() const { return n * cost; }
  /// Those that begin in [begin, end), the job itself at `first`.
  Span within(int64_t first, int64_t begin, int64_t end) const {
    return {before(begin - first), before(end - first)};
  }

 private:
  int64_t before(int64_t at) const {
    const int64_t count = at <= 0 || cost == 0 ? 0 : ceil_div(at, cost);
    return count < n ? count : n;
  }
};

/// work(job, its units) for all jobs, shared evenly by cost. units_of(job); costs are in so many
/// multiply-adds.
template <class UnitsOf, class Work>
inline void share_jobs(const Launch& launch, int64_t n_jobs, int64_t madds, UnitsOf units_of,
                       Work work) {
  int64_t total = 0;
  for (int64_t i = 0; i < n_jobs; ++i) total += units_of(i).total();
  launch.pool->parallel_for(total, kMinShare / madds, [&](int64_t begin, int64_t end) {
    int64_t first = 0;
    for (int64_t i = 0; i < n_jobs && first < end; ++i) {
      const Units units = units_of(i);
      const Span mine = units.within(first, begin, end);
      if (mine.size() > 0) work(i, mine);
      first += units.total();
    }
  });
}

}  // namespace r1::R1_ISA
