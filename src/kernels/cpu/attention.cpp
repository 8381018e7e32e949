#include "kernels/attention.h"

#include "kernels/columns.h"
#include "kernels/cpu/attention_tile.h"

#include "kernels/cpu/simd.h"

R1_SIMD_BEGIN

namespace {

constexpr float kNegativeInfinity = -std::numeric_limits<float>::infinity();

R1_INLINE Mask first_lanes_below(int64_t n) { return first_lanes(n < 16 ? n : 16); }

template <class E>
R1_INLINE E round_to(float x) {
  if constexpr (sizeof(E) == 2) {
    return f32_to_bf16(x);
  } else {
    return x;
  }
}

/// One row's keys and values into its page.
template <class E>
void write_row(const KvView& view, int64_t sequence, int64_t position, const float* k,
               const float* v) {
  const int64_t D = view.head_dim, Dv = view.values(), j = position % kPageSize;
  const int64_t page = view.page_table[sequence * view.max_pages + position / kPageSize];
  for (int64_t h = 0; h < view.n_kv_heads; ++h, k += D, v += view.values_in_keys ? 0 : Dv) {
    E* keys = reinterpret_cast<E*>(view.base + page * view.page_stride + h * view.head_bytes());
    for (int64_t d = 0; d < D; ++d) keys[d * kPageSize + j] = round_to<E>(k[d]);
    if (view.values_in_keys) continue;
    E* values = keys + view.padded_dim() * kPageSize + j * view.padded_values();
    for (int64_t d = 0; d < Dv; ++d) values[d] = round_to<E>(v[d]);
  }
}

void write(const Launch& launch, const KvView& view, const BatchView& batch, Tensor k, Tensor v) {
  const int64_t grain = ceil_div(1 << 13, view.n_kv_heads * view.head_dim);
  launch.pool->parallel_for(batch.N, grain, [&](int64_t begin, int64_t end) {
    int64_t b = 0;
    for (int64_t n = begin; n < end; ++n) {
      while (batch.offsets[b + 1] <= n) ++b;
      const float* values = view.values_in_keys ? nullptr : v.row(n);
      if (view.dtype == Dtype::kF32) {
        write_row<float>(view, b, batch.positions[n], k.row(n), values);
      } else {
        write_row<uint16_t>(view, b, batch.positions[n], k.row(n), values);
      }
    }
  });
}

struct Forward {
  float *o, *lse;
  const float* q;
  const KvView& view;
  const BatchView& batch;
  int64_t n_heads, group;
  int64_t parts;  // into which the heads of a group are shared among threads
  float scale;

  /// Query heads of part i, counted over all groups.
  int64_t first_head(int64_t i) const { return i / parts * group + i % parts * group / parts; }
};

/// Up to kTileQueries pairs (row, query head) of one sequence and KV head, at ascending positions.
struct Tile {
  int n;
  int64_t sequence, kv_head;
  int64_t q[kTileQueries], o[kTileQueries];  // first element
  int64_t lse[kTileQueries];
  int64_t position[kTileQueries];
  float max[kTileQueries];
  float sum[kTileQueries][16];
};

/// s (64): dots in, scores scale · dot out. Returns the largest of `max` and the first n_keys
/// scores.
R1_INLINE float scale_scores(float* s, int64_t n_keys, float scale, float max) {
  const F32x16 factor = broadcast(scale), lowest = broadcast(kNegativeInfinity);
  F32x16 highest = broadcast(max);
  for (int64_t j = 0; j < n_keys; j += 16) {
    const F32x16 x = factor * load(s + j), seen = select(first_lanes_below(n_keys - j), x, lowest);
    store(s + j, x);
    highest = r1::R1_ISA::max(highest, seen);
  }
  return hmax(highest);
}

/// s (64): scores in, exp(score − next) out, added to the row's sum. Rescales sum and output (Dpad)
/// from the maximum so far to the next one.
R1_INLINE void exponentiate(float* s, int64_t n_keys, float max, float next, float* sum, float* out,
                            int64_t Dpad, bool first) {
  F32x16 lanes = zero();
  if (first) {
    for (int64_t d = 0; d < Dpad; d += 16) store(out + d, zero());
  } else {
    const F32x16 alpha = exp(broadcast(max - next));
    lanes = load(sum) * alpha;
    for (int64_t d = 0; d < Dpad; d += 16) store(out + d, load(out + d) * alpha);
  }
  const F32x16 shift = broadcast(next);
  for (int64_t j = 0; j < n_keys; j += 16) {
    const F32x16 p = select(first_lanes_below(n_keys - j), exp(load(s + j) - shift), zero());
    lanes = lanes + p;
    store(s + j, p);
  }
  store(sum, lanes);
}

/// All rows of the tile that reach the page which begins at key `first`; acc (n, padded Dv).
void forward_page(const Forward& f, Tile& tile, const PageHead& page, int64_t first, float* acc) {
  const int64_t Dpad = f.view.padded_values();
  int begin = 0;
  while (tile.position[begin] < first) ++begin;
  const int n = tile.n - begin;
  alignas(64) float s[kTileQueries * kPageSize];
  const float* q[kTileQueries] = {};
  int64_t n_keys[kTileQueries] = {};
  int64_t most = 0;
  for (int i = 0; i < n; ++i) {
    q[i] = f.q + tile.q[begin + i];
    const int64_t left = tile.position[begin + i] + 1 - first;
    n_keys[i] = most = left < kPageSize ? left : kPageSize;
  }
  acc += begin * Dpad;
  page_dots(s, q, n, page.keys, f.view.dtype, f.view.head_dim,
            static_cast<int>(ceil_div(most, 16)));
  float next[kTileQueries];
  for (int i = 0; i < n; ++i) {
    next[i] = scale_scores(s + i * kPageSize, n_keys[i], f.scale, tile.max[begin + i]);
  }
  for (int i = 0; i < n; ++i) {
    float& max = tile.max[begin + i];
    exponentiate(s + i * kPageSize, n_keys[i], max, next[i], tile.sum[begin + i], acc + i * Dpad,
                 Dpad, first == 0);
    max = next[i];
  }
  page_accumulate(acc, s, n, page.values, page.value_dtype, Dpad, 0, n_keys[0]);
  for (int i = 1; i < n; ++i) {
    if (n_keys[i] > n_keys[0]) {
      page_accumulate(acc + i * Dpad, s + i * kPageSize, 1, page.values, page.value_dtype, Dpad,
                      n_keys[0], n_keys[i]);
    }
  }
}

/// Tiles that take a page together, where something must be made of it first.
constexpr int kMostTiles = 64 / kTileQueries;

void finish_tile(const Forward& f, const Tile& tile, const float* acc) {
  const int64_t D = f.view.values(), Dpad = f.view.padded_values();
  for (int i = 0; i < tile.n; ++i) {
    const F32x16 total = broadcast(fold(load(tile.sum[i])));
    float* o = f.o + tile.o[i];
    for (int64_t d = 0; d < D; d += 16) {
      const F32x16 x = load(acc + i * Dpad + d) / total;
      if (D - d >= 16) {
        store(o + d, x);
      } else {
        store_partial(o + d, x, D - d);
      }
    }
    store_partial(f.lse + tile.lse[i], broadcast(tile.max[i]) + log(total), 1);
  }
}

/// Tiles of one sequence and KV head, at ascending positions. acc: (n_tiles kTileQueries, padded
/// Dv), then, with values_in_keys, (64, padded Dv).
void forward_tiles(const Forward& f, Tile* tiles, int n_tiles, float* acc) {
  const int64_t Dpad = f.view.padded_values(), step = kTileQueries * Dpad;
  const Tile& last = tiles[n_tiles - 1];
  for (int t = 0; t < n_tiles; ++t) {
    for (int i = 0; i < tiles[t].n; ++i) tiles[t].max[i] = kNegativeInfinity;
  }
  for (int64_t first = 0; first <= last.position[last.n - 1]; first += kPageSize) {
    PageHead page = page_head(f.view, last.sequence, first, last.kv_head);
    if (f.view.values_in_keys) {
      float* values = acc + kMostTiles * step;
      page_transpose(values, page.values, f.view.dtype, Dpad, kPageSize);
      page.values = reinterpret_cast<const std::byte*>(values);
      page.value_dtype = Dtype::kF32;
    }
    for (int t = 0; t < n_tiles; ++t) {
      if (tiles[t].position[tiles[t].n - 1] >= first) {
        forward_page(f, tiles[t], page, first, acc + t * step);
      }
    }
  }
  for (int t = 0; t < n_tiles; ++t) finish_tile(f, tiles[t], acc + t * step);
}

/// Rows [begin, end) of one sequence under one part of the heads.
void forward_rows(const Forward& f, int64_t sequence, int64_t part, int64_t begin, int64_t end,
                  float* acc) {
  Tile tiles[kMostTiles];
  const int most = f.view.values_in_keys ? kMostTiles : 1;
  int full = 0;
  tiles[0].n = 0;
  for (int64_t n = begin; n < end; ++n) {
    for (int64_t head = f.first_head(part); head < f.first_head(part + 1); ++head) {
      Tile& tile = tiles[full];
      tile.sequence = sequence;
      tile.kv_head = part / f.parts;
      tile.q[tile.n] = (n * f.n_heads + head) * f.view.head_dim;
      tile.o[tile.n] = (n * f.n_heads + head) * f.view.values();
      tile.lse[tile.n] = n * f.n_heads + head;
      tile.position[tile.n] = f.batch.positions[n];
      if (++tile.n < kTileQueries) continue;
      if (++full == most) {
        forward_tiles(f, tiles, full, acc);
        full = 0;
      }
      tiles[full].n = 0;
    }
  }
  if (tiles[full].n > 0) ++full;
  if (full > 0) forward_tiles(f, tiles, full, acc);
}

/// Asks for the keys and values that the next head or sequence will need: its pages lie far from
/// the ones at hand, where the processor does not look ahead by itself.
void prefetch_pages(const KvView& view, int64_t sequence, int64_t kv_head, int64_t n_keys) {
  constexpr int64_t kMostPages = 4, kLine = 64;
  const int64_t size = dtype_size(view.dtype), Dpad = view.padded_values();
  for (int64_t i = 0; i < kMostPages && i * kPageSize < n_keys; ++i) {
    const int64_t left = n_keys - i * kPageSize, n = left < kPageSize ? left : kPageSize;
    const PageHead page = page_head(view, sequence, i * kPageSize, kv_head);
    for (int64_t d = 0; d < view.head_dim; ++d) {
      for (int64_t byte = 0; byte < n * size; byte += kLine) {
        __builtin_prefetch(page.keys + d * kPageSize * size + byte, 0, 2);
      }
    }
    for (int64_t byte = 0; byte < n * Dpad * size && !view.values_in_keys; byte += kLine) {
      __builtin_prefetch(page.values + byte, 0, 2);
    }
  }
}
void prefetch_after(const Forward& f, int64_t sequence, int64_t part) {
  int64_t kv_head = (part + 1) / f.parts;
  if (kv_head == f.view.n_kv_heads) {
    kv_head = 0;
    if (++sequence == f.batch.B) return;
  }
  const int64_t end = f.batch.offsets[sequence + 1];
  if (end == f.batch.offsets[sequence]) return;
  prefetch_pages(f.view, sequence, kv_head, f.batch.positions[end - 1] + 1);
}

/// What a row costs, in keys.
R1_INLINE int64_t row_cost(const BatchView& batch, int64_t n) { return batch.positions[n] + 32; }

/// The rows whose first unit of cost lies in [begin, end), counted sequence by sequence, head by
/// head.
void forward_share(const Forward& f, int64_t begin, int64_t end) {
  const int64_t n_rows =
      f.view.values_in_keys ? kMostTiles * kTileQueries + kPageSize : kTileQueries;
  float* acc = attention_scratch(n_rows * f.view.padded_values());
  int64_t cost = 0;
  for (int64_t b = 0; b < f.batch.B; ++b) {
    const int64_t last = f.batch.offsets[b + 1];
    for (int64_t h = 0; h < f.view.n_kv_heads * f.parts; ++h) {
      int64_t first = f.batch.offsets[b];
      for (; first < last && cost < begin; ++first) cost += row_cost(f.batch, first);
      int64_t next = first;
      for (; next < last && cost < end; ++next) cost += row_cost(f.batch, next);
      if (first < next) {
        if (cost < end) prefetch_after(f, b, h);
        forward_rows(f, b, h, first, next, acc);
      }
      if (cost >= end) return;
    }
  }
}

void forward(const Launch& launch, Tensor o, Tensor lse, Tensor q, const KvView& view,
             const BatchView& batch, int64_t n_heads, float scale) {
  const int64_t group = n_heads / view.n_kv_heads;
  // few rows of one KV head, as one conversation under absorbed MLA: threads share its heads
  const int64_t threads = launch.pool->size();
  const int64_t parts =
      batch.N * view.n_kv_heads < 4 * threads ? (threads < group ? threads : group) : 1;
  const Forward f{o.f32(), lse.f32(), q.f32(), view, batch, n_heads, group, parts, scale};
  int64_t cost = 0;
  for (int64_t n = 0; n < batch.N; ++n) cost += row_cost(batch, n);
  const int64_t grain = ceil_div((1 << 16) * parts, view.head_dim * group);
  launch.pool->parallel_for(cost * view.n_kv_heads * parts, grain,
                            [&](int64_t begin, int64_t end) { forward_share(f, begin, end); });
}

}  // namespace

extern const AttentionKernels attention_column;
const AttentionKernels attention_column{write, forward, attention_backward_column};

R1_SIMD_END
