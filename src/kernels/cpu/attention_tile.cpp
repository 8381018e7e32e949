#include "kernels/cpu/attention_tile.h"

#include <type_traits>
#include <vector>

#include "kernels/cpu/simd.h"

namespace r1::R1_ISA {

float* attention_scratch(int64_t n_floats) {
  thread_local std::vector<float> memory;
  const size_t wanted = static_cast<size_t>(n_floats) + 16;
  if (memory.size() < wanted) memory.resize(wanted);
  const uintptr_t address = reinterpret_cast<uintptr_t>(memory.data());
  return memory.data() + (64 - address % 64) % 64 / sizeof(float);
}

}  // namespace r1::R1_ISA

R1_SIMD_BEGIN

namespace {

#if defined(R1_ISA_avx512)
constexpr int kDotVectors = 4, kRowVectors = 4, kOuterVectors = 2;
#elif defined(R1_ISA_avx2)
constexpr int kDotVectors = 2, kRowVectors = 2, kOuterVectors = 1;
#else
constexpr int kDotVectors = 1, kRowVectors = 1, kOuterVectors = 1;
#endif

R1_INLINE F32x16 load_any(const float* p) { return load(p); }
R1_INLINE F32x16 load_any(const uint16_t* p) { return load_bf16(p); }

template <int Q, int V, class E>
void dots(float* s, const float* const* x, const E* y, int64_t D) {
  F32x16 acc[Q][V];
  const float* rows[Q];
#pragma GCC unroll 8
  for (int i = 0; i < Q; ++i) {
    rows[i] = x[i];
    for (int v = 0; v < V; ++v) acc[i][v] = zero();
  }
#pragma GCC unroll 2
  for (int64_t d = 0; d < D; ++d, y += kPageSize) {
    F32x16 key[V];
    for (int v = 0; v < V; ++v) key[v] = load_any(y + v * 16);
#pragma GCC unroll 8
    for (int i = 0; i < Q; ++i) {
      const F32x16 xi = broadcast(rows[i][d]);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) acc[i][v] = fma(xi, key[v], acc[i][v]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < Q; ++i) {
    for (int v = 0; v < V; ++v) store(s + i * kPageSize + v * 16, acc[i][v]);
  }
}

template <int Q, int V, class E>
void accumulate(float* out, const float* weight, const E* y, int64_t Dpad, int64_t begin,
                int64_t end) {
  F32x16 acc[Q][V];
#pragma GCC unroll 8
  for (int i = 0; i < Q; ++i) {
    for (int v = 0; v < V; ++v) acc[i][v] = load(out + i * Dpad + v * 16);
  }
  y += begin * Dpad;
#pragma GCC unroll 2
  for (int64_t j = begin; j < end; ++j, y += Dpad) {
    F32x16 row[V];
    for (int v = 0; v < V; ++v) row[v] = load_any(y + v * 16);
#pragma GCC unroll 8
    for (int i = 0; i < Q; ++i) {
      const F32x16 w = broadcast(weight[i * kPageSize + j]);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) acc[i][v] = fma(w, row[v], acc[i][v]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < Q; ++i) {
    for (int v = 0; v < V; ++v) store(out + i * Dpad + v * 16, acc[i][v]);
  }
}

/// Keys first … first + kTileKeys - 1.
template <int V>
void outer(float* out, const float* weight, const float* x, int64_t T, int64_t Dpad, int64_t first,
           bool diagonal) {
  F32x16 acc[kTileKeys][V];
  out += first * Dpad;
  weight += first;
#pragma GCC unroll 8
  for (int j = 0; j < kTileKeys; ++j) {
    for (int v = 0; v < V; ++v) acc[j][v] = load(out + j * Dpad + v * 16);
  }
  int64_t t = 0;
  if (diagonal) {
#pragma GCC unroll 8
    for (int i = 0; i < kTileKeys; ++i) {
      t = first + i;
      if (t >= T) break;
      for (int v = 0; v < V; ++v) {
        const F32x16 row = load(x + t * Dpad + v * 16);
#pragma GCC unroll 8
        for (int j = 0; j <= i; ++j) {
          acc[j][v] = fma(broadcast(weight[t * kPageSize + j]), row, acc[j][v]);
        }
      }
    }
    t = first + kTileKeys;
  }
  for (; t < T; ++t) {
    F32x16 row[V];
    for (int v = 0; v < V; ++v) row[v] = load(x + t * Dpad + v * 16);
#pragma GCC unroll 8
    for (int j = 0; j < kTileKeys; ++j) {
      const F32x16 w = broadcast(weight[t * kPageSize + j]);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) acc[j][v] = fma(w, row[v], acc[j][v]);
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < kTileKeys; ++j) {
    for (int v = 0; v < V; ++v) store(out + j * Dpad + v * 16, acc[j][v]);
  }
}

template <int Q, class E>
void dots_of(float* s, const float* const* x, const E* y, int64_t D, int n_vectors) {
  for (int v = 0; v < n_vectors; v += kDotVectors, s += kDotVectors * 16, y += kDotVectors * 16) {
    const int n = n_vectors - v;
    if (n == 1) {
      dots<Q, 1>(s, x, y, D);
    } else if (n == 2 || kDotVectors == 2) {
      dots < Q, kDotVectors<2 ? kDotVectors : 2>(s, x, y, D);
    } else if (n == 3) {
      dots < Q, kDotVectors<3 ? kDotVectors : 3>(s, x, y, D);
    } else {
      dots<Q, kDotVectors>(s, x, y, D);
    }
  }
}

template <int Q, class E>
void accumulate_of(float* out, const float* weight, const E* y, int64_t Dpad, int64_t begin,
                   int64_t end) {
  for (int64_t v = 0; v < Dpad / 16; v += kRowVectors, out += kRowVectors * 16) {
    const int64_t n = Dpad / 16 - v;
    const E* from = y + v * 16;
    if (n == 1) {
      accumulate<Q, 1>(out, weight, from, Dpad, begin, end);
    } else if (n == 2 || kRowVectors == 2) {
      accumulate < Q, kRowVectors<2 ? kRowVectors : 2>(out, weight, from, Dpad, begin, end);
    } else if (n == 3) {
      accumulate < Q, kRowVectors<3 ? kRowVectors : 3>(out, weight, from, Dpad, begin, end);
    } else {
      accumulate<Q, kRowVectors>(out, weight, from, Dpad, begin, end);
    }
  }
}

template <class E>
void transpose(float* to, const E* from, int64_t rows, int64_t columns) {
  for (int64_t c = 0; c < columns; c += 16) {
    for (int64_t r = 0; r < rows; ++r) {
      alignas(64) float x[16];
      store(x, load_any(from + r * columns + c));
      for (int64_t i = 0; i < 16; ++i) to[(c + i) * rows + r] = x[i];
    }
  }
}

/// Calls body with the row count as a compile-time number and y as its own type.
template <class Body>
R1_INLINE void with_shape(int n, const void* y, Dtype dtype, const Body& body) {
  const auto typed = [&](auto rows) __attribute__((always_inline)) {
    if (dtype == Dtype::kF32) {
      body(rows, static_cast<const float*>(y));
    } else {
      body(rows, static_cast<const uint16_t*>(y));
    }
  };
  constexpr int kMost = kTileQueries;
  if (n == 1) return typed(std::integral_constant<int, 1>{});
  if (n == 2) return typed(std::integral_constant < int, kMost<2 ? kMost : 2>{});
  if (n == 3) return typed(std::integral_constant < int, kMost<3 ? kMost : 3>{});
  return typed(std::integral_constant<int, kMost>{});
}

}  // namespace

void page_transpose(float* to, const void* from, Dtype dtype, int64_t rows, int64_t columns) {
  if (dtype == Dtype::kF32) {
    transpose(to, static_cast<const float*>(from), rows, columns);
  } else {
    transpose(to, static_cast<const uint16_t*>(from), rows, columns);
  }
}

void page_dots(float* s, const float* const* x, int n, const void* y, Dtype dtype, int64_t D,
               int n_vectors) {
  with_shape(
      n, y, dtype, [&](auto rows, auto* typed) __attribute__((always_inline)) {
        dots_of<rows.value>(s, x, typed, D, n_vectors);
      });
}

void page_accumulate(float* out, const float* weight, int n, const void* y, Dtype dtype,
                     int64_t Dpad, int64_t begin, int64_t end) {
  with_shape(
      n, y, dtype, [&](auto rows, auto* typed) __attribute__((always_inline)) {
        accumulate_of<rows.value>(out, weight, typed, Dpad, begin, end);
      });
}

void page_outer(float* out, const float* weight, const float* x, int64_t T, int64_t Dpad,
                bool diagonal) {
  const int64_t n_keys = diagonal ? T : kPageSize;
  for (int64_t v = 0; v < Dpad / 16; v += kOuterVectors) {
    const bool one = Dpad / 16 - v == 1;
    for (int64_t first = 0; first < n_keys; first += kTileKeys) {
      (one ? outer<1> : outer<kOuterVectors>)(out + v * 16, weight, x + v * 16, T, Dpad, first,
                                              diagonal);
    }
  }
}

R1_SIMD_END
