// Causal attention over pages of 64 keys: one kernel for training, prefill and decoding.
#pragma once

#include "kernels/backend.h"

namespace r1 {

constexpr int64_t kPageSize = 64;  // keys a page, at absolute positions

/// Where the keys and values of one layer lie. A page holds, for each KV head, the keys transposed
/// (D, 64) and then the values (64, Dv), both in the cache's dtype; D and Dv are padded to
/// multiples of 16. With values_in_keys there are only the keys.
struct KvView {
  std::byte* base = nullptr;  // page 0
  int64_t page_stride = 0;    // bytes from page to page
  Dtype dtype = Dtype::kF32;  // f32 or bf16: keys and values are rounded to it once
  int64_t n_kv_heads = 0, head_dim = 0;
  int64_t value_dim = 0;        // width of a value; 0: that of a key
  bool values_in_keys = false;  // a value is the first value_dim numbers of its key
  const int32_t* page_table =
      nullptr;  // (B, max_pages): page of keys 64 i … 64 i + 63 of sequence b
  int64_t max_pages = 0;

  int64_t values() const { return value_dim > 0 ? value_dim : head_dim; }
  int64_t padded_dim() const { return (head_dim + 15) / 16 * 16; }
  int64_t padded_values() const { return (values() + 15) / 16 * 16; }
  int64_t key_bytes() const { return padded_dim() * kPageSize * dtype_size(dtype); }
  int64_t head_bytes() const {
    const int64_t value_bytes = padded_values() * kPageSize * dtype_size(dtype);
    return key_bytes() + (values_in_keys ? 0 : value_bytes);
  }
  int64_t page_bytes() const { return n_kv_heads * head_bytes(); }
};

/// One packed batch: rows offsets[b] … offsets[b+1]-1 are queries of sequence b, at ascending
/// positions.
struct BatchView {
  int64_t N = 0, B = 0;
  const int32_t* offsets = nullptr;    // (B + 1)
  const int32_t* positions = nullptr;  // (N) absolute
};

struct AttentionKernels {
  /// Writes k (N, Hkv * D), v (N, Hkv * Dv), rounded to the cache's dtype, at each row's position.
  /// With values_in_keys there is no v.
  void (*write)(const Launch&, const KvView&, const BatchView&, Tensor k, Tensor v);
  /// o (N, H * Dv), lse (N, H): row at position p sees keys 0 … p. Query head h uses KV head h / (H
  /// / Hkv). Per page of 64: s_j = scale · Σ_d q_d k_jd (d ascending); running max m and lanes l
  /// rescaled by exp(m_old − m_new); o_d = Σ_j exp(s_j − m) v_jd (j ascending). Then o /= Σ l, lse
  /// = m + ln Σ l.
  void (*forward)(const Launch&, Tensor o, Tensor lse, Tensor q, const KvView&, const BatchView&,
                  int64_t n_heads, float scale);
  /// dq (N, H * D), dk (N, Hkv * D), dv (N, Hkv * Dv) are overwritten. Needs sequences that begin
  /// at position 0 with one row per position (training). P_j = exp(s_j − lse), dS_j = P_j (dP_j − Σ
  /// do·o) scale; dq sums j ascending; dk, dv sum over the group's heads, then rows, ascending.
  void (*backward)(const Launch&, Tensor dq, Tensor dk, Tensor dv, Tensor d_o, Tensor o, Tensor lse,
                   Tensor q, const KvView&, const BatchView&, int64_t n_heads, float scale);
};
const AttentionKernels& attention_kernels(Backend);

void attention_write(const Launch&, const KvView&, const BatchView&, Tensor k, Tensor v);
void attention_forward(const Launch&, Tensor o, Tensor lse, Tensor q, const KvView&,
                       const BatchView&, int64_t n_heads, float scale);
void attention_backward(const Launch&, Tensor dq, Tensor dk, Tensor dv, Tensor d_o, Tensor o,
                        Tensor lse, Tensor q, const KvView&, const BatchView&, int64_t n_heads,
                        float scale);

}  // namespace r1
