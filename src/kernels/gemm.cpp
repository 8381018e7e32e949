#include "kernels/gemm.h"

#include <cmath>

#include "kernels/columns.h"

namespace r1 {
namespace {

float element(const PackedMatrix& b, int64_t k, int64_t n) {
  const int64_t i = (n / kPanel * b.K + k) * kPanel + n % kPanel;
  return b.dtype == Dtype::kF32 ? static_cast<const float*>(b.data)[i]
                                : bf16_to_f32(static_cast<const uint16_t*>(b.data)[i]);
}

void pack(const Launch& launch, const PackedMatrix& b, Tensor w, bool transposed) {
  const int64_t n_panels = (b.N + kPanel - 1) / kPanel;
  launch.pool->parallel_for(n_panels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel) {
      for (int64_t k = 0; k < b.K; ++k) {
        for (int64_t c = 0; c < kPanel; ++c) {
          const int64_t n = panel * kPanel + c, to = (panel * b.K + k) * kPanel + c;
          const int64_t from = transposed ? n * b.K + k : k * b.N + n;
          if (b.dtype == Dtype::kF32) {
            static_cast<float*>(b.data)[to] = n < b.N ? w.f32()[from] : 0.0f;
          } else {
            static_cast<uint16_t*>(b.data)[to] = n < b.N ? w.u16()[from] : 0;
          }
        }
      }
    }
  });
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

constexpr GemmKernels kReference{pack, multiply, weight_gradient};

}  // namespace

const GemmKernels& gemm_kernels(Backend backend) {
  return R1_PICK(backend, kReference, gemm_column);
}

void gemm_pack(const Launch& launch, const PackedMatrix& b, Tensor w, bool transposed) {
  CHECK(w.rows() == (transposed ? b.N : b.K) && w.cols() == (transposed ? b.K : b.N) &&
            w.dtype == b.dtype,
        "pack {} {} into K {} N {}", dtype_name(w.dtype), w.shape_text(), b.K, b.N);
  if (launch.plans()) return;
  gemm_kernels(launch.backend).pack(launch, b, w, transposed);
}

void gemm(const Launch& launch, Tensor y, Tensor x, const PackedMatrix& b, bool accumulate) {
  CHECK(x.cols() == b.K && y.cols() == b.N && y.rows() == x.rows(), "gemm: x {} B ({}, {}) y {}",
        x.shape_text(), b.K, b.N, y.shape_text());
  if (launch.plans() || y.rows() == 0) return;
  gemm_kernels(launch.backend).multiply(launch, y, x, b, accumulate);
}

void gemm_weight_gradient(const Launch& launch, Tensor dw, Tensor dy, Tensor x) {
  CHECK(dw.rows() == dy.cols() && dw.cols() == x.cols() && dy.rows() == x.rows(),
        "weight gradient: dw {} dy {} x {}", dw.shape_text(), dy.shape_text(), x.shape_text());
  if (launch.plans() || x.rows() == 0) return;
  gemm_kernels(launch.backend).weight_gradient(launch, dw, dy, x);
}

}  // namespace r1
