#include "kernels/gemm.h"

#include "kernels/columns.h"
#include "kernels/cpu/gemm_parts.h"

#include "kernels/cpu/simd.h"

R1_SIMD_BEGIN

namespace {

constexpr int64_t kMaxBlockK = 256;  // a panel's block (32 KiB) and a tile of x stay near
constexpr int64_t kBlockTiles = 8;   // tiles that share a block of a panel while it is in cache
constexpr int64_t kWidenTiles = 3;   // so many uses pay for widening a panel once

struct Scratch {
  alignas(64) float x[kBlockTiles * kTileRows * kMaxBlockK];
  alignas(64) float panel[kMaxBlockK * kPanel];
};
thread_local Scratch scratch;

/// x (R, K) at stride ldx to (K, R): a row stride that maps all rows to the same cache sets costs
/// more.
void pack_tile(float* to, const float* x, int64_t ldx, int64_t R, int64_t K) {
  for (int64_t r = 0; r < R; ++r) {
    for (int64_t k = 0; k < K; ++k) to[k * R + r] = x[r * ldx + k];
  }
}

/// y (M, N) = x (M, K) times B, or its transpose.
struct Product {
  float* y;
  const float* x;
  const PackedMatrix& b;
  bool transposed, accumulate;
  int64_t M, K, N, n_tiles;

  Span tile_rows(int64_t i) const { return even_share(M, i, n_tiles); }
  bool widens(int64_t tiles) const {
    return transposed || (b.dtype != Dtype::kF32 && tiles >= kWidenTiles);
  }
  /// Block i of n of k, from a multiple of 32 on.
  Span block(int64_t i, int64_t n) const {
    const Span units = even_share(ceil_div(K, kQuantRows), i, n);
    const int64_t end = units.end * kQuantRows;
    return {units.begin * kQuantRows, end < K ? end : K};
  }
};

/// One tile of rows times all of its panels, in tiles as wide as the registers allow.
void multiply_tile(const Product& p, Span rows, Span panels) {
  const int R = static_cast<int>(rows.size());
  const int64_t end = panels.end * kPanel < p.N ? panels.end * kPanel : p.N;
  const int wide = wide_vectors(R);
  const TileFunction wide_tile = row_tile(R, wide, p.b.dtype);
  GemmTile t{.y = nullptr,
             .ldy = p.N,
             .a = p.x + rows.begin * p.K,
             .lda = p.K,
             .b = nullptr,
             .first_vector = 0,
             .panel_bytes = panel_bytes(p.K, p.b.dtype),
             .K = p.K,
             .cols = 0,
             .from_y = p.accumulate};
  for (int64_t n = panels.begin * kPanel; n < end;) {
    const int64_t left = end - n;
    int vectors = wide;
    if (left <= (wide - 1) * kVector) vectors = left <= kVector ? 1 : kTileVectors;
    t.b = panel_row(p.b, n / kPanel, 0);
    t.first_vector = n % kPanel / kVector;
    t.y = p.y + rows.begin * p.N + n;
    t.cols = left < vectors * kVector ? left : vectors * kVector;
    (vectors == wide ? wide_tile : row_tile(R, vectors, p.b.dtype))(t);
    n += vectors * kVector;
  }
}

/// Tiles times a panel over one block of k. packs: x lies in the scratch, column by column.
void multiply_panel(const Product& p, Span tiles, int64_t panel, Span k, bool packs) {
  const bool widens = p.widens(tiles.size());
  if (widens && !p.transposed) widen_panel(scratch.panel, p.b, panel, k);
  if (p.transposed) widen_transposed_panel(scratch.panel, p.b, panel, k);
  const void* b = scratch.panel;
  if (!widens) b = panel_row(p.b, panel, k.begin);
  const Dtype dtype = widens ? Dtype::kF32 : p.b.dtype;
  const int64_t first_row = p.tile_rows(tiles.begin).begin;
  const int64_t left = p.N - panel * kPanel, cols = left < kPanel ? left : kPanel;
  for (int64_t c = 0; c < cols; c += kTileVectors * kVector) {
    const int64_t n = cols - c < kTileVectors * kVector ? cols - c : kTileVectors * kVector;
    const int vectors = n <= kVector ? 1 : kTileVectors;
    for (int64_t i = tiles.begin; i < tiles.end; ++i) {
      const Span rows = p.tile_rows(i);
      const int R = static_cast<int>(rows.size());
      const GemmTile t{.y = p.y + rows.begin * p.N + panel * kPanel + c,
                       .ldy = p.N,
                       .a = packs ? scratch.x + (rows.begin - first_row) * k.size()
                                  : p.x + rows.begin * p.K + k.begin,
                       .lda = packs ? R : p.K,
                       .b = b,
                       .first_vector = c / kVector,
                       .panel_bytes = 0,
                       .K = k.size(),
                       .cols = n,
                       .from_y = p.accumulate || k.begin > 0};
      (packs ? column_tile(R, vectors) : row_tile(R, vectors, dtype))(t);
    }
  }
}

/// Tiles times panels over one block of k.
void multiply_block(const Product& p, Span tiles, Span panels, Span k) {
  // Rows 1 KiB apart meet in few cache sets.
  const bool is_f32 = p.b.dtype == Dtype::kF32 || p.widens(tiles.size());
  const bool packs = p.K % 256 == 0 && p.K > 256 && is_f32;
  const int64_t first_row = p.tile_rows(tiles.begin).begin;
  for (int64_t i = tiles.begin; packs && i < tiles.end; ++i) {
    const Span rows = p.tile_rows(i);
    pack_tile(scratch.x + (rows.begin - first_row) * k.size(), p.x + rows.begin * p.K + k.begin,
              p.K, rows.size(), k.size());
  }
  for (int64_t panel = panels.begin; panel < panels.end; ++panel) {
    multiply_panel(p, tiles, panel, k, packs);
  }
}

void multiply_share(const Product& p, Span tiles, Span panels) {
  if (tiles.size() == 1 && !p.transposed) {
    return multiply_tile(p, p.tile_rows(tiles.begin), panels);
  }
  const int64_t n_blocks = ceil_div(p.K, kMaxBlockK);
  for (int64_t first = tiles.begin; first < tiles.end; first += kBlockTiles) {
    const int64_t last = first + kBlockTiles < tiles.end ? first + kBlockTiles : tiles.end;
    for (int64_t i = 0; i < n_blocks; ++i) {
      multiply_block(p, {first, last}, panels, p.block(i, n_blocks));
    }
  }
}

void multiply_all(const Launch& launch, const Product& p) {
  const int64_t n_panels = ceil_div(p.N, kPanel);
  if (share_panels(p.n_tiles, n_panels, launch.pool->size())) {
    const int64_t grain = ceil_div(kMinShare, p.M * kPanel * p.K + 1);
    launch.pool->parallel_for(n_panels, grain, [&](int64_t begin, int64_t end) {
      multiply_share(p, {0, p.n_tiles}, {begin, end});
    });
  } else {
    const int64_t grain = ceil_div(kMinShare, kTileRows * p.N * p.K + 1);
    launch.pool->parallel_for(p.n_tiles, grain, [&](int64_t begin, int64_t end) {
      multiply_share(p, {begin, end}, {0, n_panels});
    });
  }
}

void multiply(const Launch& launch, Tensor y, Tensor x, const PackedMatrix& b, bool accumulate) {
  const int64_t M = y.rows();
  multiply_all(launch,
               {y.f32(), x.f32(), b, false, accumulate, M, b.K, b.N, ceil_div(M, kTileRows)});
}

void multiply_transposed(const Launch& launch, Tensor dx, Tensor dy, const PackedMatrix& b,
                         bool accumulate) {
  const int64_t M = dx.rows();
  multiply_all(launch,
               {dx.f32(), dy.f32(), b, true, accumulate, M, b.N, b.K, ceil_div(M, kTileRows)});
}

Product product_of(const GemmJob& job, bool transposed) {
  const PackedMatrix& b = *job.b;
  const int64_t M = job.y.rows(), K = transposed ? b.N : b.K, N = transposed ? b.K : b.N;
  return {job.y.f32(), job.x.f32(), b, transposed, job.accumulate, M, K, N, ceil_div(M, kTileRows)};
}

void multiply_each(const Launch& launch, const GemmJob* jobs, int64_t n, bool transposed) {
  int64_t n_tiles = 0;
  for (int64_t i = 0; i < n; ++i) n_tiles += ceil_div(jobs[i].y.rows(), kTileRows);
  const bool by_tiles = n_tiles >= 4 * launch.pool->size();  // else by panels
  share_jobs(
      launch, n, kTileRows,
      [=](int64_t i) {
        const Product p = product_of(jobs[i], transposed);
        const int64_t n_panels = ceil_div(p.N, kPanel);
        return by_tiles ? Units{p.n_tiles, p.K * p.N} : Units{n_panels, p.K * kPanel * p.n_tiles};
      },
      [=](int64_t i, Span units) {
        const Product p = product_of(jobs[i], transposed);
        if (by_tiles) {
          multiply_share(p, units, {0, ceil_div(p.N, kPanel)});
        } else {
          multiply_share(p, {0, p.n_tiles}, units);
        }
      });
}

}  // namespace

extern const GemmKernels gemm_column;
const GemmKernels gemm_column{gemm_pack_column,
                              gemm_pack_panel_column,
                              multiply,
                              multiply_transposed,
                              gemm_weight_gradient_column,
                              multiply_each,
                              gemm_weight_gradient_each_column};

R1_SIMD_END
