#include "kernels/fp8.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "tensor/arena.h"

namespace r1 {
namespace {

int64_t width_of(int64_t tile, int64_t n) { return std::min(kFp8Tile, n - tile * kFp8Tile); }
int64_t scale_bytes(int64_t O, int64_t I) { return aligned_bytes(4 * fp8_tiles(O) * fp8_tiles(I)); }

/// Bytes of the panels of K rows, cut into tiles, times N columns; up to a tile.
int64_t tile_bytes(int64_t n_tiles, int64_t K, int64_t N) {
  int64_t bytes = 0;
  for (int64_t t = 0; t < n_tiles; ++t) {
    bytes += aligned_bytes(packed_bytes(width_of(t, K), N, Dtype::kBF16));
  }
  return bytes;
}

float element(const Tensor& w, int64_t i) {
  return w.dtype == Dtype::kBF16 ? bf16_to_f32(w.u16()[i]) : w.f32()[i];
}

/// y (N, O) = [y +] part · row_scale[n] · column scale, the scales multiplied first.
void add_scaled(const Launch& launch, Tensor y, Tensor part, const float* row_scales,
                const auto& column_scale, bool accumulate) {
  launch.pool->parallel_for(y.rows(), 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      float* to = y.row(n);
      const float* from = part.row(n);
      for (int64_t first = 0; first < y.cols(); first += kFp8Tile) {
        const float scale = row_scales[n] * column_scale(first / kFp8Tile);
        const int64_t last = std::min(first + kFp8Tile, y.cols());
        if (accumulate) {
          for (int64_t i = first; i < last; ++i) to[i] += from[i] * scale;
        } else {
          for (int64_t i = first; i < last; ++i) to[i] = from[i] * scale;
        }
      }
    }
  });
}

float largest(const float* x, int64_t n) {
  float amax = 0;
  for (int64_t i = 0; i < n; ++i) amax = std::max(amax, std::abs(x[i]));
  return amax;
}

void quantise(float* q, const float* x, int64_t n, float scale) {
  for (int64_t i = 0; i < n; ++i) q[i] = round_e4m3(x[i] / scale);
}

/// Columns of one tile of x (N, K): q (N, width), a scale per row.
void quantise_rows(const Launch& launch, Tensor q, float* scales, Tensor x, int64_t tile) {
  launch.pool->parallel_for(x.rows(), 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const float* from = x.row(n) + tile * kFp8Tile;
      scales[n] = fp8_scale(largest(from, q.cols()));
      quantise(q.row(n), from, q.cols(), scales[n]);
    }
  });
}

/// The same with one scale for 128 rows.
void quantise_squares(const Launch& launch, Tensor q, float* scales, Tensor x, int64_t tile) {
  launch.pool->parallel_for(fp8_tiles(x.rows()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kFp8Tile, last = first + width_of(block, x.rows());
      float amax = 0;
      for (int64_t n = first; n < last; ++n) {
        amax = std::max(amax, largest(x.row(n) + tile * kFp8Tile, q.cols()));
      }
      for (int64_t n = first; n < last; ++n) {
        scales[n] = fp8_scale(amax);
        quantise(q.row(n), x.row(n) + tile * kFp8Tile, q.cols(), scales[n]);
      }
    }
  });
}

/// Rows of x (rows, C), a scale per column.
void quantise_columns(const Launch& launch, Tensor q, float* scales, Tensor x) {
  launch.pool->parallel_for(x.cols(), 64, [&](int64_t begin, int64_t end) {
    std::fill(scales + begin, scales + end, 0.0f);
    for (int64_t n = 0; n < x.rows(); ++n) {
      for (int64_t i = begin; i < end; ++i) scales[i] = std::max(scales[i], std::abs(x.row(n)[i]));
    }
    for (int64_t i = begin; i < end; ++i) scales[i] = fp8_scale(scales[i]);
    for (int64_t n = 0; n < x.rows(); ++n) {
      for (int64_t i = begin; i < end; ++i) q.row(n)[i] = round_e4m3(x.row(n)[i] / scales[i]);
    }
  });
}

class Scratch {  // gives back at the end of a scope what the scope took
 public:
  explicit Scratch(Arena& arena) : arena_(arena), mark_(arena.mark()) {}
  ~Scratch() { arena_.rewind(mark_); }
  Scratch(const Scratch&) = delete;

 private:
  Arena& arena_;
  Arena::Mark mark_;
};

}  // namespace

float round_e4m3(float x) {
  constexpr float kLargest = 448.0f, kSmallestNormal = 0x1p-6f;
  const float size = std::min(std::abs(x), kLargest);
  float rounded;
  if (size < kSmallestNormal) {  // multiples of 2^-9
    constexpr float kShift = 0x1.8p14f;
    rounded = (size + kShift) - kShift;
  } else {  // three bits behind the point
    const uint32_t bits = std::bit_cast<uint32_t>(size);
    rounded = std::bit_cast<float>((bits + 0x7FFFF + (bits >> 20 & 1)) & ~0xFFFFFu);
  }
  return std::copysign(rounded, x);
}

int64_t Fp8Weight::bytes(int64_t O, int64_t I) {
  return scale_bytes(O, I) + tile_bytes(fp8_tiles(I), I, O) + tile_bytes(fp8_tiles(O), O, I);
}

PackedMatrix Fp8Weight::by_in(int64_t tile) const {
  return {memory + scale_bytes(O, I) + tile_bytes(tile, I, O), Dtype::kBF16, width_of(tile, I), O};
}

PackedMatrix Fp8Weight::by_out(int64_t tile) const {
  const int64_t first = scale_bytes(O, I) + tile_bytes(fp8_tiles(I), I, O);
  return {memory + first + tile_bytes(tile, O, I), Dtype::kBF16, width_of(tile, O), I};
}

void fp8_pack(const Launch& launch, const Fp8Weight& to, Tensor w) {
  const int64_t in_tiles = fp8_tiles(to.I);
  CHECK(w.rows() == to.O && w.cols() == to.I, "fp8 weight {}", w.shape_text());
  if (launch.plans()) return;
  std::vector<uint16_t> values(static_cast<size_t>(to.O * to.I));  // in tiles of in-features
  std::vector<uint16_t> rows(values.size());
  launch.pool->parallel_for(fp8_tiles(to.O) * in_tiles, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t ob = block / in_tiles, ib = block % in_tiles;
      const int64_t o0 = ob * kFp8Tile, o1 = o0 + width_of(ob, to.O);
      const int64_t i0 = ib * kFp8Tile, wide = width_of(ib, to.I);
      float amax = 0;
      for (int64_t o = o0; o < o1; ++o) {
        for (int64_t i = i0; i < i0 + wide; ++i) {
          amax = std::max(amax, std::abs(element(w, o * to.I + i)));
        }
      }
      const float scale = to.scales()[block] = fp8_scale(amax);
      for (int64_t o = o0; o < o1; ++o) {
        for (int64_t i = i0; i < i0 + wide; ++i) {
          const uint16_t q = f32_to_bf16(round_e4m3(element(w, o * to.I + i) / scale));
          rows[o * to.I + i] = q;
          values[i0 * to.O + o * wide + i - i0] = q;
        }
      }
    }
  });
  for (int64_t t = 0; t < in_tiles; ++t) {
    const PackedMatrix b = to.by_in(t);
    gemm_pack(launch, b, Tensor(&values[t * kFp8Tile * to.O], Dtype::kBF16, {to.O, b.K}), true);
  }
  for (int64_t t = 0; t < fp8_tiles(to.O); ++t) {
    const PackedMatrix b = to.by_out(t);
    gemm_pack(launch, b, Tensor(&rows[t * kFp8Tile * to.I], Dtype::kBF16, {b.K, to.I}), false);
  }
}

void fp8_forward(const Launch& launch, Arena& arena, Tensor y, Tensor x, const Fp8Weight& w,
                 bool accumulate) {
  CHECK(x.cols() == w.I && y.cols() == w.O && x.rows() == y.rows(), "fp8: x {} y {}",
        x.shape_text(), y.shape_text());
  const Scratch scope(arena);
  Tensor part = arena.f32({y.rows(), w.O}), scales = arena.f32({x.rows()});
  for (int64_t t = 0; t < fp8_tiles(w.I); ++t) {
    const Scratch tile(arena);
    Tensor q = arena.f32({x.rows(), width_of(t, w.I)});
    if (launch.plans() || x.rows() == 0) continue;
    quantise_rows(launch, q, scales.f32(), x, t);
    gemm(launch, part, q, w.by_in(t), false);
    add_scaled(
        launch, y, part, scales.f32(),
        [&](int64_t o) { return w.scales()[o * fp8_tiles(w.I) + t]; }, accumulate || t > 0);
  }
}

void fp8_backward(const Launch& launch, Arena& arena, Tensor dx, Tensor dy, const Fp8Weight& w,
                  Fp8Gradient tiles, bool accumulate) {
  CHECK(dx.cols() == w.I && dy.cols() == w.O && dx.rows() == dy.rows(), "fp8: dx {} dy {}",
        dx.shape_text(), dy.shape_text());
  const Scratch scope(arena);
  Tensor part = arena.f32({dx.rows(), w.I}), scales = arena.f32({dx.rows()});
  for (int64_t t = 0; t < fp8_tiles(w.O); ++t) {
    const Scratch tile(arena);
    Tensor q = arena.f32({dy.rows(), width_of(t, w.O)});
    if (launch.plans() || dy.rows() == 0) continue;
    (tiles == Fp8Gradient::kRow ? quantise_rows : quantise_squares)(launch, q, scales.f32(), dy, t);
    gemm(launch, part, q, w.by_out(t), false);
    add_scaled(
        launch, dx, part, scales.f32(),
        [&](int64_t i) { return w.scales()[t * fp8_tiles(w.I) + i]; }, accumulate || t > 0);
  }
}

void fp8_weight_gradient(const Launch& launch, Arena& arena, Tensor dw, Tensor dy, Tensor x) {
  const int64_t N = x.rows(), O = dw.rows(), I = dw.cols();
  CHECK(dy.rows() == N && dy.cols() == O && x.cols() == I, "fp8: dw {} dy {} x {}", dw.shape_text(),
        dy.shape_text(), x.shape_text());
  const Scratch scope(arena);
  Tensor part = arena.f32({O, I}), dy_scales = arena.f32({O}), x_scales = arena.f32({I});
  const int64_t most = std::min(N, kFp8Tile);
  Tensor dy_values = arena.f32({most, O}), x_values = arena.f32({most, I});
  if (launch.plans()) return;
  for (int64_t t = 0; t < fp8_tiles(N); ++t) {
    const int64_t first = t * kFp8Tile, rows = width_of(t, N);
    const Tensor dq = dy_values.slice_rows(0, rows), xq = x_values.slice_rows(0, rows);
    quantise_columns(launch, dq, dy_scales.f32(), dy.slice_rows(first, first + rows));
    quantise_columns(launch, xq, x_scales.f32(), x.slice_rows(first, first + rows));
    std::fill_n(part.f32(), part.numel(), 0.0f);
    gemm_weight_gradient(launch, part, dq, xq);
    launch.pool->parallel_for(O, 16, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) {
        const float scale = dy_scales.f32()[o];
        for (int64_t i = 0; i < I; ++i) {
          dw.row(o)[i] += part.row(o)[i] * (scale * x_scales.f32()[i]);
        }
      }
    });
  }
}

}  // namespace r1
