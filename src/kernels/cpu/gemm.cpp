#include "kernels/gemm.h"

#include "kernels/columns.h"
#include "kernels/cpu/gemm_parts.h"

#include "kernels/cpu/simd.h"

R1_SIMD_BEGIN

namespace {

constexpr int64_t kMaxBlockK = 256;  // a panel's block (32 KiB) and a tile of x stay near
constexpr int64_t kBlockTiles = 8;   // tiles that share a block of a panel while it is in cache
constexpr int64_t kWidenTiles = 3;   // so many uses pay for widening a bf16 panel once

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

struct Product {
  float* y;
  const float* x;
  const PackedMatrix& b;
  int64_t M, n_tiles;
  bool accumulate;

  int64_t element_size() const { return dtype_size(b.dtype); }
  const void* panel(int64_t i, int64_t k) const {
    return static_cast<const std::byte*>(b.data) + (i * b.K + k) * kPanel * element_size();
  }
  Span tile_rows(int64_t i) const { return even_share(M, i, n_tiles); }
};

/// One tile of rows times all of its panels, in tiles as wide as the registers allow.
void multiply_tile(const Product& p, Span rows, Span panels) {
  const int R = static_cast<int>(rows.size());
  const int64_t end = panels.end * kPanel < p.b.N ? panels.end * kPanel : p.b.N;
  const int wide = wide_vectors(R);
  const TileFunction wide_tile = row_tile(R, wide, p.b.dtype);
  GemmTile t{.y = nullptr,
             .ldy = p.b.N,
             .a = p.x + rows.begin * p.b.K,
             .lda = p.b.K,
             .b = nullptr,
             .ldb = kPanel,
             .panel_stride = p.b.K * kPanel,
             .K = p.b.K,
             .cols = 0,
             .from_y = p.accumulate};
  for (int64_t n = panels.begin * kPanel; n < end;) {
    const int64_t left = end - n;
    int vectors = wide;
    if (left <= (wide - 1) * kVector) vectors = left <= kVector ? 1 : kTileVectors;
    t.b = static_cast<const std::byte*>(p.panel(n / kPanel, 0)) + n % kPanel * p.element_size();
    t.y = p.y + rows.begin * p.b.N + n;
    t.cols = left < vectors * kVector ? left : vectors * kVector;
    (vectors == wide ? wide_tile : row_tile(R, vectors, p.b.dtype))(t);
    n += vectors * kVector;
  }
}

/// Tiles times panels over one block of k.
void multiply_block(const Product& p, Span tiles, Span panels, Span k, bool packs) {
  const bool widens = p.b.dtype == Dtype::kBF16 && tiles.size() >= kWidenTiles;
  const Dtype dtype = widens ? Dtype::kF32 : p.b.dtype;
  const int64_t first_row = p.tile_rows(tiles.begin).begin;
  if (packs) {
    for (int64_t i = tiles.begin; i < tiles.end; ++i) {
      const Span rows = p.tile_rows(i);
      pack_tile(scratch.x + (rows.begin - first_row) * k.size(), p.x + rows.begin * p.b.K + k.begin,
                p.b.K, rows.size(), k.size());
    }
  }
  for (int64_t panel = panels.begin; panel < panels.end; ++panel) {
    const void* b = p.panel(panel, k.begin);
    if (widens) {
      const uint16_t* from = static_cast<const uint16_t*>(b);
      for (int64_t i = 0; i < k.size() * kPanel; i += kVector) {
        store(scratch.panel + i, load_bf16(from + i));
      }
      b = scratch.panel;
    }
    const int64_t left = p.b.N - panel * kPanel, cols = left < kPanel ? left : kPanel;
    for (int64_t c = 0; c < cols; c += kTileVectors * kVector) {
      const int64_t n = cols - c < kTileVectors * kVector ? cols - c : kTileVectors * kVector;
      const int vectors = n <= kVector ? 1 : kTileVectors;
      for (int64_t i = tiles.begin; i < tiles.end; ++i) {
        const Span rows = p.tile_rows(i);
        const int R = static_cast<int>(rows.size());
        const GemmTile t{.y = p.y + rows.begin * p.b.N + panel * kPanel + c,
                         .ldy = p.b.N,
                         .a = packs ? scratch.x + (rows.begin - first_row) * k.size()
                                    : p.x + rows.begin * p.b.K + k.begin,
                         .lda = packs ? R : p.b.K,
                         .b = static_cast<const std::byte*>(b) + c * dtype_size(dtype),
                         .ldb = kPanel,
                         .panel_stride = 0,
                         .K = k.size(),
                         .cols = n,
                         .from_y = p.accumulate || k.begin > 0};
        (packs ? column_tile(R, vectors) : row_tile(R, vectors, dtype))(t);
      }
    }
  }
}

void multiply_share(const Product& p, Span tiles, Span panels) {
  if (tiles.size() == 1) return multiply_tile(p, p.tile_rows(tiles.begin), panels);
  // Rows 1 KiB apart meet in few cache sets.
  const bool packs = p.b.K % 256 == 0 && p.b.K > 256 && p.b.dtype == Dtype::kF32;
  const int64_t n_blocks = ceil_div(p.b.K, kMaxBlockK);
  for (int64_t first = tiles.begin; first < tiles.end; first += kBlockTiles) {
    const int64_t last = first + kBlockTiles < tiles.end ? first + kBlockTiles : tiles.end;
    for (int64_t i = 0; i < n_blocks; ++i) {
      multiply_block(p, {first, last}, panels, even_share(p.b.K, i, n_blocks), packs);
    }
  }
}

void multiply(const Launch& launch, Tensor y, Tensor x, const PackedMatrix& b, bool accumulate) {
  const int64_t M = y.rows(), n_panels = ceil_div(b.N, kPanel);
  const Product p{y.f32(), x.f32(), b, M, ceil_div(M, kTileRows), accumulate};
  if (share_panels(p.n_tiles, n_panels, launch.pool->size())) {
    const int64_t grain = ceil_div(kMinShare, M * kPanel * b.K + 1);
    launch.pool->parallel_for(n_panels, grain, [&](int64_t begin, int64_t end) {
      multiply_share(p, {0, p.n_tiles}, {begin, end});
    });
  } else {
    const int64_t grain = ceil_div(kMinShare, kTileRows * b.N * b.K + 1);
    launch.pool->parallel_for(p.n_tiles, grain, [&](int64_t begin, int64_t end) {
      multiply_share(p, {begin, end}, {0, n_panels});
    });
  }
}

}  // namespace

extern const GemmKernels gemm_column;
const GemmKernels gemm_column{gemm_pack_column, multiply, gemm_weight_gradient_column};

R1_SIMD_END
