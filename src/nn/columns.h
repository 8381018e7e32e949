// Moving parts of rows between matrices: columns of one, heads of another.
#pragma once

#include <cstring>

#include "nn/context.h"

namespace r1 {

/// Columns [from, from + width) of x to columns [to, to + width) of y, row by row.
inline void copy_columns(const Launch& launch, Tensor y, int64_t to, Tensor x, int64_t from,
                         int64_t width) {
  if (launch.plans()) return;
  launch.pool->parallel_for(x.rows(), 64, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      std::memcpy(y.row(n) + to, x.row(n) + from, sizeof(float) * width);
    }
  });
}

/// y (N, w) += the first w columns of x.
inline void add_columns(const Launch& launch, Tensor y, Tensor x) {
  if (launch.plans()) return;
  launch.pool->parallel_for(x.rows(), 64, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      for (int64_t i = 0; i < y.cols(); ++i) y.row(n)[i] += x.row(n)[i];
    }
  });
}

/// Numbers [from, from + width) of each head of x (N, H D) to [to, to + width) of each head of
/// y (N, H D').
inline void copy_in_heads(const Launch& launch, Tensor y, int64_t to, Tensor x, int64_t from,
                          int64_t width, int64_t n_heads) {
  if (launch.plans()) return;
  const int64_t D = x.cols() / n_heads, E = y.cols() / n_heads;
  launch.pool->parallel_for(x.rows(), 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      for (int64_t h = 0; h < n_heads; ++h) {
        std::memcpy(y.row(n) + h * E + to, x.row(n) + h * D + from, sizeof(float) * width);
      }
    }
  });
}

/// The first `width` numbers of each head of x (N, H D), head after head: (H N, width).
inline Tensor split_heads(Context& ctx, Tensor x, int64_t width, int64_t n_heads) {
  const int64_t N = x.rows(), D = x.cols() / n_heads;
  Tensor y = ctx.f32({n_heads * N, width});
  if (ctx.plans()) return y;
  ctx.launch.pool->parallel_for(N, 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      for (int64_t h = 0; h < n_heads; ++h) {
        std::memcpy(y.row(h * N + n), x.row(n) + h * D, sizeof(float) * width);
      }
    }
  });
  return y;
}

/// The way back: x (H N, width) to the first `width` numbers of each head of y (N, H D).
inline void join_heads(const Launch& launch, Tensor y, Tensor x, int64_t n_heads) {
  if (launch.plans()) return;
  const int64_t N = y.rows(), D = y.cols() / n_heads;
  launch.pool->parallel_for(N, 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      for (int64_t h = 0; h < n_heads; ++h) {
        std::memcpy(y.row(n) + h * D, x.row(h * N + n), sizeof(float) * x.cols());
      }
    }
  });
}

}  // namespace r1
