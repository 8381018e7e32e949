// Backward of attention: page by page, each page's keys and values turned once for the products
// that need them the other way round.

#include "kernels/cpu/attention_tile.h"

#include "kernels/cpu/simd.h"

R1_SIMD_BEGIN

namespace {

struct Backward {
  float *dq, *dk, *dv;
  const float *d_o, *o, *lse, *q;
  const KvView& view;
  const BatchView& batch;
  int64_t n_heads, group;
  float scale;
};

/// One thread's memory, f32. Rows are a block of 64 queries, keys are those of one page.
struct Scratch {
  float *keys, *dk, *q;        // (64, Dpad), zero beyond D
  float *values_t, *dv, *d_o;  // (Dvpad, 64), (64, Dvpad), (64, Dvpad)
  float *p, *ds;               // (64 rows, 64 keys)
  float* dq;                   // (kTileQueries, Dpad)

  static int64_t floats(int64_t Dpad, int64_t Dvpad) {
    return (3 * Dpad + 3 * Dvpad + 2 * kPageSize) * kPageSize + kTileQueries * Dpad;
  }
  Scratch(float* memory, int64_t Dpad, int64_t Dvpad) {
    float** const of_keys[] = {&keys, &dk, &q};
    float** const of_values[] = {&values_t, &dv, &d_o};
    for (float** part : of_keys) {
      *part = memory;
      memory += Dpad * kPageSize;
    }
    for (float** part : of_values) {
      *part = memory;
      memory += Dvpad * kPageSize;
    }
    p = memory;
    ds = p + kPageSize * kPageSize;
    dq = ds + kPageSize * kPageSize;
  }
};

/// D numbers of a row, zero up to the next multiple of 16.
R1_INLINE void copy_row(float* to, const float* from, int64_t D) {
  for (int64_t d = 0; d < D; d += 16) {
    store(to + d, D - d >= 16 ? load(from + d) : load_partial(from + d, D - d));
  }
}
R1_INLINE void store_row(float* to, const float* from, int64_t D) {
  for (int64_t d = 0; d < D; d += 16) {
    if (D - d >= 16) {
      store(to + d, load(from + d));
    } else {
      store_partial(to + d, load(from + d), D - d);
    }
  }
}

/// Σ_d do_d o_d in 16 lanes.
R1_INLINE float delta_of(const float* d_o, const float* o, int64_t D) {
  F32x16 sum = zero();
  for (int64_t d = 0; d < D; d += 16) {
    if (D - d >= 16) {
      sum = fma(load(d_o + d), load(o + d), sum);
    } else {
      const F32x16 next = fma(load_partial(d_o + d, D - d), load_partial(o + d, D - d), sum);
      sum = select(first_lanes(D - d), next, sum);
    }
  }
  return fold(sum);
}

/// The rows n … n + T - 1 of one query head against the page that begins at key `first`.
struct Block {
  int64_t n, T, first, head;
  bool diagonal;  // the rows stand at the page's own positions

  int64_t n_keys(int64_t t) const { return diagonal ? t + 1 : kPageSize; }
};

/// p (dots q·k in, probabilities out), ds (dots do·v in, gradients of the dots out).
R1_INLINE void gradient_of_scores(const Backward& w, const Block& block, int64_t t, Scratch& s) {
  const int64_t n = block.n + t, Dv = w.view.values();
  const int64_t element = (n * w.n_heads + block.head) * Dv;
  const F32x16 delta = broadcast(delta_of(w.d_o + element, w.o + element, Dv));
  const F32x16 lse = broadcast(w.lse[n * w.n_heads + block.head]), scale = broadcast(w.scale);
  for (int64_t j = 0; j < block.n_keys(t); j += 16) {
    float *p = s.p + t * kPageSize + j, *ds = s.ds + t * kPageSize + j;
    const F32x16 probability = exp(scale * load(p) - lse);
    store(p, probability);
    store(ds, probability * (load(ds) - delta) * scale);
  }
}

/// dq of rows t … t + n - 1.
void add_dq(const Backward& w, const Block& block, int64_t t, int n, Scratch& s) {
  const int64_t D = w.view.head_dim, Dpad = w.view.padded_dim(), row = w.n_heads * D;
  float* dq = w.dq + (block.n + t) * row + block.head * D;
  for (int i = 0; i < n; ++i) {
    if (block.first == 0) {
      for (int64_t d = 0; d < Dpad; d += 16) store(s.dq + i * Dpad + d, zero());
    } else {
      copy_row(s.dq + i * Dpad, dq + i * row, D);
    }
  }
  const int64_t common = block.n_keys(t);
  const float* ds = s.ds + t * kPageSize;
  page_accumulate(s.dq, ds, n, s.keys, Dtype::kF32, Dpad, 0, common);
  for (int i = 1; i < n; ++i) {
    if (block.n_keys(t + i) > common) {
      page_accumulate(s.dq + i * Dpad, ds + i * kPageSize, 1, s.keys, Dtype::kF32, Dpad, common,
                      block.n_keys(t + i));
    }
  }
  for (int i = 0; i < n; ++i) store_row(dq + i * row, s.dq + i * Dpad, D);
}

/// page: keys (D, 64) and values (Dv, 64).
void backward_block(const Backward& w, const Block& block, const PageHead& page, Scratch& s) {
  const int64_t D = w.view.head_dim, Dpad = w.view.padded_dim();
  const int64_t Dv = w.view.values(), Dvpad = w.view.padded_values();
  for (int64_t t = 0; t < block.T; ++t) {
    const int64_t row = (block.n + t) * w.n_heads + block.head;
    copy_row(s.q + t * Dpad, w.q + row * D, D);
    copy_row(s.d_o + t * Dvpad, w.d_o + row * Dv, Dv);
  }
  for (int64_t t = 0; t < block.T; t += kTileQueries) {
    const int64_t left = block.T - t;
    const int n = static_cast<int>(left < kTileQueries ? left : kTileQueries);
    const int n_vectors = static_cast<int>((block.n_keys(t + n - 1) + 15) / 16);
    const float *q[kTileQueries], *d_o[kTileQueries];
    for (int i = 0; i < n; ++i) {
      q[i] = s.q + (t + i) * Dpad;
      d_o[i] = s.d_o + (t + i) * Dvpad;
    }
    page_dots(s.p + t * kPageSize, q, n, page.keys, w.view.dtype, D, n_vectors);
    page_dots(s.ds + t * kPageSize, d_o, n, page.values, page.value_dtype, Dv, n_vectors);
    for (int i = 0; i < n; ++i) gradient_of_scores(w, block, t + i, s);
    add_dq(w, block, t, n, s);
  }
  page_outer(s.dk, s.ds, s.q, block.T, Dpad, block.diagonal);
  page_outer(s.dv, s.p, s.d_o, block.T, Dvpad, block.diagonal);
}

/// All that reaches the keys of one page of one sequence and KV head.
void backward_page(const Backward& w, int64_t sequence, int64_t kv_head, int64_t first,
                   Scratch& s) {
  const int64_t D = w.view.head_dim, Dpad = w.view.padded_dim();
  const int64_t Dv = w.view.values(), Dvpad = w.view.padded_values();
  const int64_t begin = w.batch.offsets[sequence], T = w.batch.offsets[sequence + 1] - begin;
  PageHead page = page_head(w.view, sequence, first, kv_head);
  page_transpose(s.keys, page.keys, w.view.dtype, Dpad, kPageSize);
  if (!w.view.values_in_keys) {  // else they lie as they are wanted here: transposed
    page_transpose(s.values_t, page.values, w.view.dtype, kPageSize, Dvpad);
    page.values = reinterpret_cast<const std::byte*>(s.values_t);
    page.value_dtype = Dtype::kF32;
  }
  for (int64_t i = 0; i < kPageSize * Dpad; i += 16) store(s.dk + i, zero());
  for (int64_t i = 0; i < kPageSize * Dvpad; i += 16) store(s.dv + i, zero());
  for (int64_t g = 0; g < w.group; ++g) {
    for (int64_t t = first; t < T; t += kPageSize) {
      const int64_t left = T - t, n = left < kPageSize ? left : kPageSize;
      backward_block(w, {begin + t, n, first, kv_head * w.group + g, t == first}, page, s);
    }
  }
  for (int64_t j = 0; j < kPageSize && first + j < T; ++j) {
    const int64_t row = (begin + first + j) * w.view.n_kv_heads + kv_head;
    store_row(w.dk + row * D, s.dk + j * Dpad, D);
    store_row(w.dv + row * Dv, s.dv + j * Dvpad, Dv);
  }
}

}  // namespace

void attention_backward_column(const Launch& launch, Tensor dq, Tensor dk, Tensor dv, Tensor d_o,
                               Tensor o, Tensor lse, Tensor q, const KvView& view,
                               const BatchView& batch, int64_t n_heads, float scale) {
  const Backward w{dq.f32(),
                   dk.f32(),
                   dv.f32(),
                   d_o.f32(),
                   o.f32(),
                   lse.f32(),
                   q.f32(),
                   view,
                   batch,
                   n_heads,
                   n_heads / view.n_kv_heads,
                   scale};
  const int64_t Dpad = view.padded_dim(), Dvpad = view.padded_values();
  launch.pool->parallel_for(batch.B * view.n_kv_heads, 1, [&](int64_t begin, int64_t end) {
    Scratch scratch(attention_scratch(Scratch::floats(Dpad, Dvpad)), Dpad, Dvpad);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t b = i / view.n_kv_heads, kv_head = i % view.n_kv_heads;
      const int64_t T = batch.offsets[b + 1] - batch.offsets[b];
      for (int64_t first = 0; first < T; first += kPageSize) {
        backward_page(w, b, kv_head, first, scratch);
      }
    }
  });
}

R1_SIMD_END
