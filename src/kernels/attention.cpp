#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/columns.h"
#include "kernels/lanes.h"

namespace r1 {
namespace {

constexpr float kNegativeInfinity = -std::numeric_limits<float>::infinity();

/// One head of one page: keys (D, 64) and values (64, D) in the cache's dtype.
struct PageHead {
  std::byte* data;
  const KvView* view;

  float get(int64_t i) const {
    return view->dtype == Dtype::kF32 ? reinterpret_cast<float*>(data)[i]
                                      : bf16_to_f32(reinterpret_cast<uint16_t*>(data)[i]);
  }
  void set(int64_t i, float x) const {
    if (view->dtype == Dtype::kF32) {
      reinterpret_cast<float*>(data)[i] = x;
    } else {
      reinterpret_cast<uint16_t*>(data)[i] = f32_to_bf16(x);
    }
  }
  int64_t key_index(int64_t j, int64_t d) const { return d * kPageSize + j; }
  int64_t value_index(int64_t j, int64_t d) const {
    if (view->values_in_keys) return key_index(j, d);
    return view->padded_dim() * kPageSize + j * view->padded_values() + d;
  }
  float key(int64_t j, int64_t d) const { return get(key_index(j, d)); }
  float value(int64_t j, int64_t d) const { return get(value_index(j, d)); }
};

PageHead page_head(const KvView& view, int64_t sequence, int64_t position, int64_t kv_head) {
  const int64_t page = view.page_table[sequence * view.max_pages + position / kPageSize];
  return {view.base + page * view.page_stride + kv_head * view.head_bytes(), &view};
}

void write(const Launch&, const KvView& view, const BatchView& batch, Tensor k, Tensor v) {
  const int64_t D = view.head_dim, Dv = view.values();
  for (int64_t b = 0; b < batch.B; ++b) {
    for (int64_t n = batch.offsets[b]; n < batch.offsets[b + 1]; ++n) {
      const int64_t position = batch.positions[n], j = position % kPageSize;
      for (int64_t h = 0; h < view.n_kv_heads; ++h) {
        const PageHead page = page_head(view, b, position, h);
        for (int64_t d = 0; d < D; ++d) page.set(page.key_index(j, d), k.row(n)[h * D + d]);
        for (int64_t d = 0; d < Dv && !view.values_in_keys; ++d) {
          page.set(page.value_index(j, d), v.row(n)[h * Dv + d]);
        }
      }
    }
  }
}

float score(const float* q, const PageHead& page, int64_t j, int64_t D, float scale) {
  float dot = 0.0f;
  for (int64_t d = 0; d < D; ++d) dot = std::fmaf(q[d], page.key(j, d), dot);
  return scale * dot;
}

/// One query row of one head.
void forward_row(float* o, float* lse, const float* q, const KvView& view, int64_t sequence,
                 int64_t kv_head, int64_t position, float scale) {
  const int64_t D = view.head_dim, Dv = view.values();
  float max = kNegativeInfinity;
  LaneSum sum;
  std::vector<float> acc(Dv, 0.0f);
  for (int64_t first = 0; first <= position; first += kPageSize) {
    const PageHead page = page_head(view, sequence, first, kv_head);
    const int64_t n_keys = std::min(kPageSize, position + 1 - first);
    float s[kPageSize], next_max = max;
    for (int64_t j = 0; j < n_keys; ++j) {
      s[j] = score(q, page, j, D, scale);
      next_max = std::max(next_max, s[j]);
    }
    const float alpha = exp_f32(max - next_max);
    for (float& lane : sum.lane) lane *= alpha;
    for (float& a : acc) a *= alpha;
    for (int64_t j = 0; j < n_keys; ++j) {
      const float p = exp_f32(s[j] - next_max);
      sum.add(j, p);
      for (int64_t d = 0; d < Dv; ++d) acc[d] = std::fmaf(p, page.value(j, d), acc[d]);
    }
    max = next_max;
  }
  const float total = sum.fold();
  for (int64_t d = 0; d < Dv; ++d) o[d] = acc[d] / total;
  *lse = max + log_f32(total);
}

void forward(const Launch& launch, Tensor o, Tensor lse, Tensor q, const KvView& view,
             const BatchView& batch, int64_t n_heads, float scale) {
  const int64_t D = view.head_dim, Dv = view.values(), group = n_heads / view.n_kv_heads;
  launch.pool->parallel_for(batch.B, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      for (int64_t n = batch.offsets[b]; n < batch.offsets[b + 1]; ++n) {
        for (int64_t h = 0; h < n_heads; ++h) {
          forward_row(o.row(n) + h * Dv, lse.row(n) + h, q.row(n) + h * D, view, b, h / group,
                      batch.positions[n], scale);
        }
      }
    }
  });
}

/// All rows of one sequence under one query head: adds to dk, dv, sets dq.
void backward_head(Tensor dq, Tensor dk, Tensor dv, Tensor d_o, Tensor o, Tensor lse, Tensor q,
                   const KvView& view, int64_t sequence, int64_t first_row, int64_t n_rows,
                   int64_t head, int64_t kv_head, float scale) {
  const int64_t D = view.head_dim, Dv = view.values();
  for (int64_t t = 0; t < n_rows; ++t) {
    const int64_t n = first_row + t;
    const float* qn = q.row(n) + head * D;
    const float *don = d_o.row(n) + head * Dv, *on = o.row(n) + head * Dv;
    float* dqn = dq.row(n) + head * D;
    LaneSum delta;
    for (int64_t d = 0; d < Dv; ++d) delta.fma(d, don[d], on[d]);
    const float delta_n = delta.fold();
    std::fill_n(dqn, D, 0.0f);
    for (int64_t j = 0; j <= t; ++j) {
      const PageHead page = page_head(view, sequence, j, kv_head);
      const int64_t slot = j % kPageSize;
      const float p = exp_f32(score(qn, page, slot, D, scale) - lse.row(n)[head]);
      float dp = 0.0f;
      for (int64_t d = 0; d < Dv; ++d) dp = std::fmaf(don[d], page.value(slot, d), dp);
      const float ds = p * (dp - delta_n) * scale;
      float* dkj = dk.row(first_row + j) + kv_head * D;
      float* dvj = dv.row(first_row + j) + kv_head * Dv;
      for (int64_t d = 0; d < D; ++d) {
        dqn[d] = std::fmaf(ds, page.key(slot, d), dqn[d]);
        dkj[d] = std::fmaf(ds, qn[d], dkj[d]);
      }
      for (int64_t d = 0; d < Dv; ++d) dvj[d] = std::fmaf(p, don[d], dvj[d]);
    }
  }
}

void backward(const Launch& launch, Tensor dq, Tensor dk, Tensor dv, Tensor d_o, Tensor o,
              Tensor lse, Tensor q, const KvView& view, const BatchView& batch, int64_t n_heads,
              float scale) {
  const int64_t D = view.head_dim, group = n_heads / view.n_kv_heads;
  launch.pool->parallel_for(batch.B, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const int64_t first = batch.offsets[b], n_rows = batch.offsets[b + 1] - first;
      for (int64_t n = first; n < first + n_rows; ++n) {
        std::fill_n(dk.row(n), view.n_kv_heads * D, 0.0f);
        std::fill_n(dv.row(n), view.n_kv_heads * view.values(), 0.0f);
      }
      for (int64_t h = 0; h < n_heads; ++h) {
        backward_head(dq, dk, dv, d_o, o, lse, q, view, b, first, n_rows, h, h / group, scale);
      }
    }
  });
}

constexpr AttentionKernels kReference{write, forward, backward};

/// x has n_heads heads of `width` for every row.
void check_rows(const KvView& view, const BatchView& batch, Tensor x, int64_t n_heads,
                int64_t width) {
  CHECK(n_heads % view.n_kv_heads == 0, "{} heads over {} KV heads", n_heads, view.n_kv_heads);
  CHECK(x.cols() == n_heads * width && x.rows() == batch.N, "{} for {} rows, {} heads of {}",
        x.shape_text(), batch.N, n_heads, width);
}

}  // namespace

const AttentionKernels& attention_kernels(Backend backend) {
  return R1_PICK(backend, kReference, attention_column);
}

void attention_write(const Launch& launch, const KvView& view, const BatchView& batch, Tensor k,
                     Tensor v) {
  check_rows(view, batch, k, view.n_kv_heads, view.head_dim);
  if (!view.values_in_keys) check_rows(view, batch, v, view.n_kv_heads, view.values());
  CHECK(view.values() <= view.head_dim || !view.values_in_keys, "values of {} in keys of {}",
        view.values(), view.head_dim);
  if (launch.plans()) return;
  attention_kernels(launch.backend).write(launch, view, batch, k, v);
}

void attention_forward(const Launch& launch, Tensor o, Tensor lse, Tensor q, const KvView& view,
                       const BatchView& batch, int64_t n_heads, float scale) {
  check_rows(view, batch, q, n_heads, view.head_dim);
  check_rows(view, batch, o, n_heads, view.values());
  CHECK(lse.rows() == batch.N && lse.cols() == n_heads, "lse {}", lse.shape_text());
  if (launch.plans()) return;
  attention_kernels(launch.backend).forward(launch, o, lse, q, view, batch, n_heads, scale);
}

void attention_backward(const Launch& launch, Tensor dq, Tensor dk, Tensor dv, Tensor d_o, Tensor o,
                        Tensor lse, Tensor q, const KvView& view, const BatchView& batch,
                        int64_t n_heads, float scale) {
  check_rows(view, batch, dq, n_heads, view.head_dim);
  check_rows(view, batch, d_o, n_heads, view.values());
  check_rows(view, batch, dk, view.n_kv_heads, view.head_dim);
  check_rows(view, batch, dv, view.n_kv_heads, view.values());
  if (launch.plans()) return;
  attention_kernels(launch.backend)
      .backward(launch, dq, dk, dv, d_o, o, lse, q, view, batch, n_heads, scale);
}

}  // namespace r1
