// Packing a weight matrix into panels of 32 columns.

#include "kernels/cpu/gemm_parts.h"

#include "kernels/cpu/simd.h"

R1_SIMD_BEGIN

namespace {

R1_INLINE U32x16 load_lanes(const float* p) { return as_u32(load(p)); }
R1_INLINE U32x16 load_lanes(const uint16_t* p) { return load_u16(p); }
R1_INLINE U32x16 load_lanes(const uint8_t* p) { return load_u8(p); }
R1_INLINE void store_lanes(float* p, U32x16 x) { store(p, as_f32(x)); }
R1_INLINE void store_lanes(uint16_t* p, U32x16 x) { store_u16(p, x); }
R1_INLINE void store_lanes(uint8_t* p, U32x16 x) { store_u8(p, x); }

/// 16 x 16 elements; rows so far apart.
template <class E>
R1_INLINE void transpose(E* to, int64_t to_stride, const E* from, int64_t from_stride) {
  transpose_16([=](int64_t i) { return load_lanes(from + i * from_stride); },
               [=](int64_t i, U32x16 x) { store_lanes(to + i * to_stride, x); });
}

/// Rows k of w (K, N), 32 columns at a time.
template <class E>
void pack_rows(E* panel, const E* w, int64_t K, int64_t N, int64_t n) {
  for (int64_t k = 0; k < K; ++k) {
    for (int64_t c = 0; c < n; ++c) panel[k * kPanel + c] = w[k * N + c];
    for (int64_t c = n; c < kPanel; ++c) panel[k * kPanel + c] = 0;
  }
}

/// The transpose of w (N, K): blocks of 16 k, so that a read line is used up while it is near.
template <class E>
void pack_columns(E* panel, const E* w, int64_t K, int64_t n) {
  for (int64_t first = 0; first < K; first += kVector) {
    const int64_t last = first + kVector < K ? first + kVector : K;
    int64_t c = 0;
    for (; last - first == kVector && c + kVector <= n; c += kVector) {
      transpose(panel + first * kPanel + c, kPanel, w + c * K + first, K);
    }
    for (; c < n; ++c) {
      for (int64_t k = first; k < last; ++k) panel[k * kPanel + c] = w[c * K + k];
    }
    for (int64_t k = first; k < last; ++k) {
      for (c = n; c < kPanel; ++c) panel[k * kPanel + c] = 0;
    }
  }
}

template <class E>
void pack_panels(const PackedMatrix& b, const E* w, bool transposed, int64_t begin, int64_t end) {
  for (int64_t panel = begin; panel < end; ++panel) {
    const int64_t first = panel * kPanel, left = b.N - first, n = left < kPanel ? left : kPanel;
    E* to = static_cast<E*>(b.data) + first * b.K;
    if (transposed) {
      pack_columns(to, w + first * b.K, b.K, n);
    } else {
      pack_rows(to, w + first, b.K, b.N, n);
    }
  }
}

/// 16 rows of bytes, each with its bytes of the GGML block (i, i + 16) in its nibbles, to pairs (2
/// j, 2 j + 1).
void pair_neighbours(uint8_t* to, const uint8_t* from) {
  for (int64_t j = 0; j < kVector; ++j) {
    const uint8_t *even = from + 2 * j % kVector * kPanel, *odd = even + kPanel;
    const int shift = j < kVector / 2 ? 0 : 4;
    for (int64_t c = 0; c < kPanel; ++c) {
      const int low = even[c] >> shift & 15, high = odd[c] >> shift & 15;
      to[j * kPanel + c] = static_cast<uint8_t>(low | high << 4);
    }
  }
}

/// One GGML block of each of 32 rows to one block of a panel.
void pack_blocks(std::byte* to, Dtype dtype, const uint8_t* const (&blocks)[kPanel]) {
  auto* scales = reinterpret_cast<uint16_t*>(to);
  for (int64_t c = 0; c < kPanel; ++c) std::memcpy(scales + c, blocks[c], sizeof(uint16_t));
  auto* bytes = reinterpret_cast<uint8_t*>(scales + kPanel);
  const bool nibbles = dtype == Dtype::kQ4_0;
  alignas(64) uint8_t ggml_rows[kVector * kPanel];
  for (int64_t c = 0; c < kPanel; c += kVector) {
    for (int64_t k = 0; k < (nibbles ? kVector : kQuantRows); k += kVector) {
      const uint8_t* const* column = blocks + c;
      uint8_t* corner = (nibbles ? ggml_rows : bytes + k * kPanel) + c;
      transpose_16([=](int64_t i) { return load_u8(column[i] + sizeof(uint16_t) + k); },
                   [=](int64_t i, U32x16 x) { store_u8(corner + i * kPanel, x); });
    }
  }
  if (nibbles) pair_neighbours(bytes, ggml_rows);
}

void pack_quantised_panel(const PackedMatrix& b, int64_t panel, const uint8_t* rows, int64_t n) {
  const int64_t from_bytes = quant_block_bytes(b.dtype), row_bytes = b.K / kQuantRows * from_bytes;
  const int64_t to_bytes = panel_bytes(kQuantRows, b.dtype);
  std::byte* to = panel_row(b, panel, 0);
  for (int64_t from = 0; from < row_bytes; from += from_bytes, to += to_bytes) {
    const uint8_t* blocks[kPanel];
    for (int64_t c = 0; c < kPanel; ++c) {
      blocks[c] = c < n ? rows + c * row_bytes + from : quant_zeros(b.dtype);
    }
    pack_blocks(to, b.dtype, blocks);
  }
}

}  // namespace

void gemm_pack_column(const Launch& launch, const PackedMatrix& b, Tensor w, bool transposed) {
  const int64_t grain = ceil_div(1 << 14, kPanel * (b.K + 1));
  launch.pool->parallel_for(ceil_div(b.N, kPanel), grain, [&](int64_t begin, int64_t end) {
    if (b.dtype == Dtype::kF32) {
      pack_panels(b, static_cast<const float*>(w.data), transposed, begin, end);
    } else {
      pack_panels(b, static_cast<const uint16_t*>(w.data), transposed, begin, end);
    }
  });
}

void gemm_pack_panel_column(const PackedMatrix& b, int64_t panel, const void* rows, int64_t n) {
  void* to = panel_row(b, panel, 0);
  if (b.dtype == Dtype::kF32) {
    pack_columns(static_cast<float*>(to), static_cast<const float*>(rows), b.K, n);
  } else if (is_quantised(b.dtype)) {
    pack_quantised_panel(b, panel, static_cast<const uint8_t*>(rows), n);
  } else {
    pack_columns(static_cast<uint16_t*>(to), static_cast<const uint16_t*>(rows), b.K, n);
  }
}

R1_SIMD_END
