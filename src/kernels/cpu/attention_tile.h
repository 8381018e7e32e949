// The products inside attention, between a few rows and one page of 64 keys or values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/attention.h"

namespace r1::R1_ISA {

#if defined(R1_ISA_avx512)
constexpr int kTileQueries = 4, kTileKeys = 8;
#elif defined(R1_ISA_avx2)
constexpr int kTileQueries = 2, kTileKeys = 4;
#else
constexpr int kTileQueries = 1, kTileKeys = 1;
#endif

/// Where one KV head's keys and values of one page lie.
struct PageHead {
  const std::byte* keys;    // (D, 64)
  const std::byte* values;  // (64, padded Dv); with values_in_keys: the keys again
  Dtype value_dtype;
};
constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

inline PageHead page_head(const KvView& view, int64_t sequence, int64_t first, int64_t kv_head) {
  const int64_t page = view.page_table[sequence * view.max_pages + first / kPageSize];
  const std::byte* head = view.base + page * view.page_stride + kv_head * view.head_bytes();
  return {head, view.values_in_keys ? head : head + view.key_bytes(), view.dtype};
}

/// to (columns, rows) = from (rows, columns), widened; columns a multiple of 16.
void page_transpose(float* to, const void* from, Dtype dtype, int64_t rows, int64_t columns);

/// s (n, 64): s_ij = Σ_d x_id y_dj, d ascending, for n <= kTileQueries rows x_i and y (D, 64).
/// Only keys below 16 n_vectors are computed.
void page_dots(float* s, const float* const* x, int n, const void* y, Dtype dtype, int64_t D,
               int n_vectors);

/// out (n, Dpad): out_id += Σ_j weight_ij y_jd, j = begin … end-1 ascending, weight (n, 64), y (64,
/// Dpad).
void page_accumulate(float* out, const float* weight, int n, const void* y, Dtype dtype,
                     int64_t Dpad, int64_t begin, int64_t end);

/// out (64, Dpad): out_jd += Σ_t weight_tj x_td, t ascending, weight (T, 64), x (T, Dpad). With
/// `diagonal`, key j meets only rows t >= j; otherwise all 64 keys meet all rows.
void page_outer(float* out, const float* weight, const float* x, int64_t T, int64_t Dpad,
                bool diagonal);

/// This thread's memory: grows when a call needs more than any before, is never given back.
float* attention_scratch(int64_t n_floats);

void attention_backward_column(const Launch&, Tensor dq, Tensor dk, Tensor dv, Tensor d_o, Tensor o,
                               Tensor lse, Tensor q, const KvView&, const BatchView&,
                               int64_t n_heads, float scale);

}  // namespace r1::R1_ISA
