#include "kernels/gemm.h"

#include <array>
#include <cmath>

#include "kernels/columns.h"

namespace r1 {
namespace {

int64_t n_panels(const PackedMatrix& b) { return (b.N + kPanel - 1) / kPanel; }

/// Element (k, n) of a panel of int8 or nibbles; see PackedMatrix.
float quantised_element(const std::byte* panel, Dtype dtype, int64_t k, int64_t c) {
  const std::byte* block = panel + k / kQuantRows * panel_bytes(kQuantRows, dtype);
  const auto* scales = reinterpret_cast<const uint16_t*>(block);
  const auto* bytes = reinterpret_cast<const uint8_t*>(scales + kPanel);
  const int64_t row = k % kQuantRows;
  int q = 0;
  if (dtype == Dtype::kQ8_0) {
    q = static_cast<int8_t>(bytes[row * kPanel + c]);
  } else {
    q = (bytes[row / 2 * kPanel + c] >> row % 2 * 4 & 15) - 8;
  }
  return f16_to_f32(scales[c]) * static_cast<float>(q);
}

float element(const PackedMatrix& b, int64_t k, int64_t n) {
  const auto* panel =
      static_cast<const std::byte*>(b.data) + n / kPanel * panel_bytes(b.K, b.dtype);
  const int64_t c = n % kPanel, i = k * kPanel + c;
  switch (b.dtype) {
    case Dtype::kF32:
      return reinterpret_cast<const float*>(panel)[i];
    case Dtype::kBF16:
      return bf16_to_f32(reinterpret_cast<const uint16_t*>(panel)[i]);
    case Dtype::kF16:
      return f16_to_f32(reinterpret_cast<const uint16_t*>(panel)[i]);
    default:
      return quantised_element(panel, b.dtype, k, c);
  }
}

/// w: all of B, or its transpose.
template <class E>
void pack_elements(const PackedMatrix& b, int64_t panel, const E* w, bool transposed) {
  E* to = static_cast<E*>(b.data) + panel * b.K * kPanel;
  for (int64_t k = 0; k < b.K; ++k) {
    for (int64_t c = 0; c < kPanel; ++c) {
      const int64_t n = panel * kPanel + c;
      to[k * kPanel + c] = n < b.N ? w[transposed ? n * b.K + k : k * b.N + n] : E{};
    }
  }
}

void pack(const Launch& launch, const PackedMatrix& b, Tensor w, bool transposed) {
  launch.pool->parallel_for(n_panels(b), 1, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel) {
      if (b.dtype == Dtype::kF32) {
        pack_elements(b, panel, w.f32(), transposed);
      } else {
        pack_elements(b, panel, w.u16(), transposed);
      }
    }
  });
}

/// One GGML block to column c of a block of a panel.
void pack_block(std::byte* to, Dtype dtype, int64_t c, const uint8_t* block) {
  auto* scales = reinterpret_cast<uint16_t*>(to);
  auto* bytes = reinterpret_cast<uint8_t*>(scales + kPanel) + c;
  scales[c] = static_cast<uint16_t>(block[0] | block[1] << 8);
  const uint8_t* q = block + 2;
  if (dtype == Dtype::kQ8_0) {
    for (int64_t k = 0; k < kQuantRows; ++k) bytes[k * kPanel] = q[k];
    return;
  }
  for (int64_t k = 0; k < kQuantRows; k += 2) {  // GGML pairs k with k + 16, a panel k with k + 1
    const int shift = k < 16 ? 0 : 4, i = static_cast<int>(k % 16);
    const int pair = (q[i] >> shift & 15) | (q[i + 1] >> shift & 15) << 4;
    bytes[k / 2 * kPanel] = static_cast<uint8_t>(pair);
  }
}

void pack_panel(const PackedMatrix& b, int64_t panel, const void* rows, int64_t n) {
  std::byte* to = static_cast<std::byte*>(b.data) + panel * panel_bytes(b.K, b.dtype);
  const PackedMatrix one{to, b.dtype, b.K, n};
  if (b.dtype == Dtype::kF32) return pack_elements(one, 0, static_cast<const float*>(rows), true);
  if (!is_quantised(b.dtype)) {
    return pack_elements(one, 0, static_cast<const uint16_t*>(rows), true);
  }
  const int64_t from_bytes = quant_block_bytes(b.dtype), n_blocks = b.K / kQuantRows;
  for (int64_t i = 0; i < n_blocks; ++i, to += panel_bytes(kQuantRows, b.dtype)) {
    for (int64_t c = 0; c < kPanel; ++c) {
      const auto* block = static_cast<const uint8_t*>(rows) + (c * n_blocks + i) * from_bytes;
      pack_block(to, b.dtype, c, c < n ? block : quant_zeros(b.dtype));
    }
  }
}

void multiply(const Launch& launch, Tensor y, Tensor x, const PackedMatrix& b, bool accumulate) {
  launch.pool->parallel_for(y.rows(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; ++m) {
      for (int64_t n = 0; n < b.N; ++n) {
        float acc = accumulate ? y.row(m)[n] : 0.0f;
        for (int64_t k = 0; k < b.K; ++k) acc = std::fmaf(x.row(m)[k], element(b, k, n), acc);
        y.row(m)[n] = acc;
      }
    }
  });
}

void multiply_transposed(const Launch& launch, Tensor dx, Tensor dy, const PackedMatrix& b,
                         bool accumulate) {
  launch.pool->parallel_for(dx.rows(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; ++m) {
      for (int64_t k = 0; k < b.K; ++k) {
        float acc = accumulate ? dx.row(m)[k] : 0.0f;
        for (int64_t n = 0; n < b.N; ++n) acc = std::fmaf(dy.row(m)[n], element(b, k, n), acc);
        dx.row(m)[k] = acc;
      }
    }
  });
}

void weight_gradient(const Launch& launch, Tensor dw, Tensor dy, Tensor x) {
  launch.pool->parallel_for(dw.rows(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      for (int64_t i = 0; i < dw.cols(); ++i) {
        float acc = dw.row(o)[i];
        for (int64_t n = 0; n < x.rows(); ++n) acc = std::fmaf(dy.row(n)[o], x.row(n)[i], acc);
        dw.row(o)[i] = acc;
      }
    }
  });
}

void multiply_each(const Launch& launch, const GemmJob* jobs, int64_t n, bool transposed) {
  for (int64_t i = 0; i < n; ++i) {
    (transposed ? multiply_transposed : multiply)(launch, jobs[i].y, jobs[i].x, *jobs[i].b,
                                                  jobs[i].accumulate);
  }
}

void weight_gradient_each(const Launch& launch, const GradientJob* jobs, int64_t n) {
  for (int64_t i = 0; i < n; ++i) weight_gradient(launch, jobs[i].dw, jobs[i].dy, jobs[i].x);
}

constexpr GemmKernels kReference{
    pack,          pack_panel,          multiply, multiply_transposed, weight_gradient,
    multiply_each, weight_gradient_each};

void check(const GemmJob& job, bool transposed) {
  const int64_t K = transposed ? job.b->N : job.b->K, N = transposed ? job.b->K : job.b->N;
  CHECK(job.x.cols() == K && job.y.cols() == N && job.y.rows() == job.x.rows(),
        "{} {} B ({}, {}) {} {}", transposed ? "transposed gemm: dy" : "gemm: x",
        job.x.shape_text(), job.b->K, job.b->N, transposed ? "dx" : "y", job.y.shape_text());
}

void check(const GradientJob& job) {
  CHECK(job.dw.rows() == job.dy.cols() && job.dw.cols() == job.x.cols() &&
            job.dy.rows() == job.x.rows(),
        "weight gradient: dw {} dy {} x {}", job.dw.shape_text(), job.dy.shape_text(),
        job.x.shape_text());
}

}  // namespace

int64_t panel_bytes(int64_t K, Dtype dtype) {
  if (!is_quantised(dtype)) return K * kPanel * dtype_size(dtype);
  CHECK(K % kQuantRows == 0, "{} panels with K {}", dtype_name(dtype), K);
  const int64_t bits = dtype == Dtype::kQ8_0 ? 8 : 4;
  return K / kQuantRows * kPanel * (2 + kQuantRows * bits / 8);
}

int64_t quant_block_bytes(Dtype dtype) { return panel_bytes(kQuantRows, dtype) / kPanel; }

const uint8_t* quant_zeros(Dtype dtype) {
  static constexpr std::array<uint8_t, 34> kBytes{};
  static constexpr auto kNibbles = [] {
    std::array<uint8_t, 18> block{};
    for (size_t i = 2; i < block.size(); ++i) block[i] = 0x88;
    return block;
  }();
  return dtype == Dtype::kQ8_0 ? kBytes.data() : kNibbles.data();
}

int64_t packed_bytes(int64_t K, int64_t N, Dtype dtype) {
  return (N + kPanel - 1) / kPanel * panel_bytes(K, dtype);
}

const GemmKernels& gemm_kernels(Backend backend) {
  return R1_PICK(backend, kReference, gemm_column);
}

void gemm_pack(const Launch& launch, const PackedMatrix& b, Tensor w, bool transposed) {
  CHECK(w.rows() == (transposed ? b.N : b.K) && w.cols() == (transposed ? b.K : b.N) &&
            w.dtype == b.dtype && !is_quantised(b.dtype),
        "pack {} {} into K {} N {}", dtype_name(w.dtype), w.shape_text(), b.K, b.N);
  if (launch.plans()) return;
  gemm_kernels(launch.backend).pack(launch, b, w, transposed);
}

void gemm_pack_panel(Backend backend, const PackedMatrix& b, int64_t panel, const void* rows,
                     int64_t n) {
  const int64_t left = b.N - panel * kPanel;
  CHECK(panel >= 0 && n > 0 && n == (left < kPanel ? left : kPanel), "{} rows for panel {} of N {}",
        n, panel, b.N);
  if (backend == Backend::kPlan) return;
  gemm_kernels(backend).pack_panel(b, panel, rows, n);
}

void gemm_unpack_row(const PackedMatrix& b, int64_t n, float* to) {
  CHECK(0 <= n && n < b.N, "row {} of {}", n, b.N);
  for (int64_t k = 0; k < b.K; ++k) to[k] = element(b, k, n);
}

void gemm(const Launch& launch, Tensor y, Tensor x, const PackedMatrix& b, bool accumulate) {
  check({y, x, &b}, false);
  if (launch.plans() || y.rows() == 0) return;
  gemm_kernels(launch.backend).multiply(launch, y, x, b, accumulate);
}

void gemm_transposed(const Launch& launch, Tensor dx, Tensor dy, const PackedMatrix& b,
                     bool accumulate) {
  check({dx, dy, &b}, true);
  if (launch.plans() || dx.rows() == 0) return;
  gemm_kernels(launch.backend).multiply_transposed(launch, dx, dy, b, accumulate);
}

void gemm_weight_gradient(const Launch& launch, Tensor dw, Tensor dy, Tensor x) {
  check({dw, dy, x});
  if (launch.plans() || x.rows() == 0) return;
  gemm_kernels(launch.backend).weight_gradient(launch, dw, dy, x);
}

void gemm_each(const Launch& launch, const std::vector<GemmJob>& jobs) {
  for (const GemmJob& job : jobs) check(job, false);
  if (launch.plans()) return;
  gemm_kernels(launch.backend).multiply_each(launch, jobs.data(), std::ssize(jobs), false);
}

void gemm_transposed_each(const Launch& launch, const std::vector<GemmJob>& jobs) {
  for (const GemmJob& job : jobs) check(job, true);
  if (launch.plans()) return;
  gemm_kernels(launch.backend).multiply_each(launch, jobs.data(), std::ssize(jobs), true);
}

void gemm_weight_gradient_each(const Launch& launch, const std::vector<GradientJob>& jobs) {
  for (const GradientJob& job : jobs) check(job);
  if (launch.plans()) return;
  gemm_kernels(launch.backend).weight_gradient_each(launch, jobs.data(), std::ssize(jobs));
}

}  // namespace r1
