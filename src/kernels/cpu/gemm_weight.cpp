// dw += dyᵀ x: a product whose sum runs over rows, so both sides are read as they lie.

#include "kernels/cpu/gemm_parts.h"

#include "kernels/cpu/simd.h"

R1_SIMD_BEGIN

namespace {

constexpr int64_t kBlockRows = 128;  // rows of x and dy at a time
constexpr int64_t kBlockTiles = 16;  // tiles of dw's rows that share them

struct Scratch {
  alignas(64) float dy[kBlockTiles * kTileRows * kBlockRows + kVector];
  alignas(64) float x[kBlockRows * kPanel];
};
thread_local Scratch scratch;

struct Gradient {
  float* dw;
  const float *dy, *x;
  int64_t O, I, N, n_tiles;

  Span tile_rows(int64_t i) const { return even_share(O, i, n_tiles); }
};

/// dy (N, R columns) to (N, R), close together. Stores whole vectors: what is too much, the next
/// overwrites.
void pack_dy(const Gradient& g, Span outputs, Span rows, float* to) {
  const int64_t R = outputs.size();
  for (int64_t n = rows.begin; n < rows.end; ++n, to += R) {
    store(to, load_partial(g.dy + n * g.O + outputs.begin, R));
  }
}

/// x (rows, 32 columns) to a panel, zero beyond I.
void pack_x(const Gradient& g, Span rows, int64_t first, int64_t n) {
  const int64_t low = n < kVector ? n : kVector, high = n - low;
  for (int64_t i = 0; i < rows.size(); ++i) {
    const float* from = g.x + (rows.begin + i) * g.I + first;
    store(scratch.x + i * kPanel, load_partial(from, low));
    store(scratch.x + i * kPanel + kVector, high > 0 ? load_partial(from + kVector, high) : zero());
  }
}

void add_block(const Gradient& g, Span tiles, Span panels, Span rows) {
  const int64_t first_output = g.tile_rows(tiles.begin).begin;
  for (int64_t i = tiles.begin; i < tiles.end; ++i) {
    const Span outputs = g.tile_rows(i);
    pack_dy(g, outputs, rows, scratch.dy + (outputs.begin - first_output) * rows.size());
  }
  for (int64_t panel = panels.begin; panel < panels.end; ++panel) {
    const int64_t left = g.I - panel * kPanel, cols = left < kPanel ? left : kPanel;
    pack_x(g, rows, panel * kPanel, cols);
    for (int64_t c = 0; c < cols; c += kTileVectors * kVector) {
      const int64_t n = cols - c < kTileVectors * kVector ? cols - c : kTileVectors * kVector;
      const int vectors = n <= kVector ? 1 : kTileVectors;
      for (int64_t i = tiles.begin; i < tiles.end; ++i) {
        const Span outputs = g.tile_rows(i);
        const int R = static_cast<int>(outputs.size());
        column_tile(R, vectors)({.y = g.dw + outputs.begin * g.I + panel * kPanel + c,
                                 .ldy = g.I,
                                 .a = scratch.dy + (outputs.begin - first_output) * rows.size(),
                                 .lda = R,
                                 .b = scratch.x,
                                 .first_vector = c / kVector,
                                 .panel_bytes = 0,
                                 .K = rows.size(),
                                 .cols = n,
                                 .from_y = true});
      }
    }
  }
}

void add_share(const Gradient& g, Span tiles, Span panels) {
  const int64_t n_blocks = ceil_div(g.N, kBlockRows);
  for (int64_t i = 0; i < n_blocks; ++i) {
    for (int64_t first = tiles.begin; first < tiles.end; first += kBlockTiles) {
      const int64_t last = first + kBlockTiles < tiles.end ? first + kBlockTiles : tiles.end;
      add_block(g, {first, last}, panels, even_share(g.N, i, n_blocks));
    }
  }
}

}  // namespace

void gemm_weight_gradient_column(const Launch& launch, Tensor dw, Tensor dy, Tensor x) {
  const int64_t O = dw.rows(), I = dw.cols(), n_panels = ceil_div(I, kPanel);
  const Gradient g{dw.f32(), dy.f32(), x.f32(), O, I, x.rows(), ceil_div(O, kTileRows)};
  if (share_panels(g.n_tiles, n_panels, launch.pool->size())) {
    const int64_t grain = ceil_div(kMinShare, O * kPanel * g.N + 1);
    launch.pool->parallel_for(n_panels, grain, [&](int64_t begin, int64_t end) {
      add_share(g, {0, g.n_tiles}, {begin, end});
    });
  } else {
    const int64_t grain = ceil_div(kMinShare, kTileRows * I * g.N + 1);
    launch.pool->parallel_for(g.n_tiles, grain, [&](int64_t begin, int64_t end) {
      add_share(g, {begin, end}, {0, n_panels});
    });
  }
}

void gemm_weight_gradient_each_column(const Launch& launch, const GradientJob* jobs, int64_t n) {
  const auto gradient = [=](int64_t i) {
    const auto& [dw, dy, x] = jobs[i];
    const int64_t O = dw.rows();
    return Gradient{dw.f32(), dy.f32(), x.f32(), O, dw.cols(), x.rows(), ceil_div(O, kTileRows)};
  };
  share_jobs(
      launch, n, kTileRows,
      [=](int64_t i) {
        const Gradient g = gradient(i);
        return Units{g.n_tiles, g.I * g.N};
      },
      [=](int64_t i, Span tiles) {
        const Gradient g = gradient(i);
        add_share(g, tiles, {0, ceil_div(g.I, kPanel)});
      });
}

R1_SIMD_END
