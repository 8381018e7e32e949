// Products with every kind of panel: widened halves, blocks of integers, transposed on the way.

#include <algorithm>

#include "kernels/columns_case.h"
#include "kernels/gemm.h"
#include "tensor/quant.h"

namespace r1 {
namespace {

using Bytes = std::vector<std::byte>;
constexpr Dtype kEvery[] = {Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kQ8_0, Dtype::kQ4_0};

/// A (N, K) weight as rows of a type, and the values that type gives it.
struct Weights {
  int64_t K, N;
  Dtype dtype;
  int64_t row_bytes = 0;
  Bytes rows;
  Floats values;
  Bytes panels;

  Weights(int64_t K, int64_t N, Dtype dtype)
      : K(K), N(N), dtype(dtype), values(normals(N * K, 1)), panels(packed_bytes(K, N, dtype)) {
    if (is_quantised(dtype)) {
      const auto format = dtype == Dtype::kQ8_0 ? BlockFormat::kQ8_0 : BlockFormat::kQ4_0;
      row_bytes = K / block_elements(format) * block_bytes(format);
      rows.resize(N * row_bytes);
      quantize(format, values.data(), rows.data(), N * K);
      dequantize(format, rows.data(), values.data(), N * K);
    } else {
      row_bytes = K * dtype_size(dtype);
      rows.resize(N * row_bytes);
      for (int64_t i = 0; i < N * K; ++i) put(i);
    }
  }
  void put(int64_t i) {
    if (dtype == Dtype::kF32) {
      std::memcpy(rows.data() + 4 * i, &values[i], 4);
      return;
    }
    const bool brain = dtype == Dtype::kBF16;
    const uint16_t half = brain ? f32_to_bf16(values[i]) : f32_to_f16(values[i]);
    std::memcpy(rows.data() + 2 * i, &half, 2);
    values[i] = brain ? bf16_to_f32(half) : f16_to_f32(half);
  }
  PackedMatrix pack(Backend backend) {
    std::fill(panels.begin(), panels.end(), std::byte{0x55});
    const PackedMatrix b{panels.data(), dtype, K, N};
    for (int64_t panel = 0; panel * kPanel < N; ++panel) {
      const int64_t first = panel * kPanel, n = std::min(kPanel, N - first);
      gemm_pack_panel(backend, b, panel, rows.data() + first * row_bytes, n);
    }
    return b;
  }
};

/// The product with the same values in f32, by the reference.
Floats plain_product(Weights& weights, Floats& x, int64_t M, bool accumulate, bool transposed) {
  const int64_t in = transposed ? weights.N : weights.K, out = transposed ? weights.K : weights.N;
  Bytes panels(packed_bytes(in, out, Dtype::kF32));
  const PackedMatrix b{panels.data(), Dtype::kF32, in, out};
  gemm_pack(reference_launch(), b, matrix(weights.values, weights.N), !transposed);
  Floats y = normals(M * out, 3);
  gemm(reference_launch(), matrix(y, M), matrix(x, M), b, accumulate);
  return y;
}

Floats product(const Launch& launch, Weights& weights, Floats& x, int64_t M, bool accumulate) {
  Floats y = normals(M * weights.N, 3);
  gemm(launch, matrix(y, M), matrix(x, M), weights.pack(launch.backend), accumulate);
  return y;
}

Floats transposed(const Launch& launch, Weights& weights, Floats& dy, int64_t M, bool accumulate) {
  Floats dx = normals(M * weights.K, 3);
  gemm_transposed(launch, matrix(dx, M), matrix(dy, M), weights.pack(launch.backend), accumulate);
  return dx;
}

void expect_same_bits_as(const Floats& expected, const std::string& what,
                         const std::function<Floats(const Launch&)>& run) {
  for (Backend backend : available_backends()) {
    for (int n_threads : {1, 2}) {
      ASSERT_TRUE(equal_bits(run({backend, test_pool(n_threads)}), expected))
          << what << ": " << backend_name(backend) << " with " << n_threads << " threads";
    }
  }
}

TEST(GemmPanels, BlocksOfIntegersMultiplyAsByHand) {
  // Row 0: 0.5 (k - 8) for k < 16, else 0.5 (k - 24); row 1: twos.
  for (Dtype dtype : {Dtype::kQ8_0, Dtype::kQ4_0}) {
    Weights weights(32, 2, dtype);
    Floats w(64, 2.0f);
    for (int k = 0; k < 32; ++k) w[k] = 0.5f * static_cast<float>(k % 16 - 8);
    const auto format = dtype == Dtype::kQ8_0 ? BlockFormat::kQ8_0 : BlockFormat::kQ4_0;
    if (dtype == Dtype::kQ8_0) w[0] = 0.5f * 127, w[32] = 127 * 2.0f;  // scales of 0.5 and 2
    quantize(format, w.data(), weights.rows.data(), 64);
    Floats x(32), y(2);
    x[3] = 1;    // 0.5 (3 - 8) = -2.5, and 2
    x[20] = 10;  // 0.5 (4 - 8) = -2, and 2
    for (Backend backend : available_backends()) {
      const Launch launch{backend, test_pool(1)};
      gemm(launch, matrix(y, 1), matrix(x, 1), weights.pack(backend), false);
      EXPECT_EQ(y, (Floats{-22.5f, 22.0f})) << dtype_name(dtype) << backend_name(backend);
    }
  }
}

TEST(GemmPanels, EveryColumnPacksTheSameBytes) {
  for (Dtype dtype : kEvery) {
    for (int64_t N : {1, 31, 32, 50, 64}) {
      for (int64_t K : {32, 96, 37}) {
        if (is_quantised(dtype) && K % 32 != 0) continue;
        Weights weights(K, N, dtype);
        weights.pack(Backend::kReference);
        const Bytes expected = weights.panels;
        for (Backend backend : available_backends()) {
          weights.pack(backend);
          EXPECT_EQ(weights.panels, expected) << dtype_name(dtype) << " N " << N << " K " << K;
        }
        Tensor w(weights.rows.data(), dtype, {N, K});
        if (is_quantised(dtype)) continue;
        gemm_pack(reference_launch(), {weights.panels.data(), dtype, K, N}, w, true);
        EXPECT_EQ(weights.panels, expected) << dtype_name(dtype) << " N " << N << " K " << K;
      }
    }
  }
}

TEST(GemmPanels, ARowComesBackAsItsTypeHasIt) {
  for (Dtype dtype : kEvery) {
    Weights weights(64, 45, dtype);
    const PackedMatrix b = weights.pack(available_backends().back());
    for (int64_t n = 0; n < weights.N; ++n) {
      Floats row(weights.K);
      gemm_unpack_row(b, n, row.data());
      const auto from = weights.values.begin() + n * weights.K;
      EXPECT_TRUE(equal_bits(row, Floats(from, from + weights.K))) << dtype_name(dtype) << n;
    }
  }
}

TEST(GemmPanels, EqualsTheF32ProductOfTheSameValues) {
  const int64_t shapes[][3] = {{1, 32, 1},   {2, 64, 33},   {3, 320, 130}, {12, 96, 96},
                               {13, 32, 48}, {25, 64, 129}, {40, 96, 100}, {40, 544, 65},
                               {70, 64, 36}, {38, 512, 35}};
  for (const auto& [M, K, N] : shapes) {
    for (Dtype dtype : {Dtype::kF16, Dtype::kQ8_0, Dtype::kQ4_0}) {
      const bool accumulate = M % 2 == 0;
      Weights weights(K, N, dtype);
      Floats x = normals(M * K, 2);
      expect_same_bits_as(
          plain_product(weights, x, M, accumulate, false),
          fmt::format("M {} K {} N {} {}", M, K, N, dtype_name(dtype)),
          [&, M = M](const Launch& l) { return product(l, weights, x, M, accumulate); });
    }
  }
}

TEST(GemmPanels, EveryRowCountGivesTheSameBits) {
  for (Dtype dtype : {Dtype::kF16, Dtype::kQ8_0, Dtype::kQ4_0}) {
    Weights weights(32, 83, dtype);
    for (int64_t M = 1; M <= 70; M += M < 40 ? 1 : 5) {
      Floats x = normals(M * weights.K, 2);
      expect_same_bits_as(
          plain_product(weights, x, M, false, false), fmt::format("M {}", M),
          [&](const Launch& launch) { return product(launch, weights, x, M, false); });
    }
  }
}

TEST(GemmPanels, ARowAloneEqualsThatRowInAnyBatch) {
  const int64_t K = 64, N = 75, M = 40;
  for (Dtype dtype : {Dtype::kF16, Dtype::kQ8_0, Dtype::kQ4_0}) {
    Weights weights(K, N, dtype);
    Floats x = normals(M * K, 2), dy = normals(M * N, 2);
    for (Backend backend : available_backends()) {
      const Launch launch{backend, test_pool(2)};
      const Floats all = product(launch, weights, x, M, false);
      const Floats all_back = transposed(launch, weights, dy, M, false);
      for (int64_t m : {int64_t{0}, M / 2, M - 1}) {
        Floats one(x.begin() + m * K, x.begin() + (m + 1) * K);
        const Floats y = product(launch, weights, one, 1, false);
        EXPECT_EQ(y, Floats(all.begin() + m * N, all.begin() + (m + 1) * N)) << m;
        one.assign(dy.begin() + m * N, dy.begin() + (m + 1) * N);
        const Floats dx = transposed(launch, weights, one, 1, false);
        EXPECT_EQ(dx, Floats(all_back.begin() + m * K, all_back.begin() + (m + 1) * K)) << m;
      }
    }
  }
}

TEST(GemmPanels, TransposedEqualsTheProductWithASecondCopy) {
  const int64_t shapes[][3] = {{1, 32, 1},    {2, 64, 33},  {3, 37, 130},  {13, 32, 48},
                               {40, 96, 100}, {7, 65, 300}, {25, 128, 31}, {70, 33, 512}};
  for (const auto& [M, K, N] : shapes) {
    for (Dtype dtype : kEvery) {
      if (is_quantised(dtype) && K % 32 != 0) continue;
      const bool accumulate = M % 2 == 0;
      Weights weights(K, N, dtype);
      Floats dy = normals(M * N, 2);
      expect_same_bits_as(
          plain_product(weights, dy, M, accumulate, true),
          fmt::format("M {} K {} N {} {}", M, K, N, dtype_name(dtype)),
          [&, M = M](const Launch& l) { return transposed(l, weights, dy, M, accumulate); });
    }
  }
}

TEST(GemmPanels, PlansWithoutTouchingMemory) {
  const Launch plan{Backend::kPlan, nullptr};
  const Tensor nothing(nullptr, Dtype::kF32, {4, 32});
  const PackedMatrix b{nullptr, Dtype::kQ4_0, 32, 32};
  gemm(plan, nothing, nothing, b, false);
  gemm_transposed(plan, nothing, nothing, b, false);
  gemm_pack_panel(Backend::kPlan, b, 0, nullptr, 32);
}

TEST(GemmPanels, TakeTheMemoryTheirBitsNeed) {
  EXPECT_EQ(packed_bytes(64, 33, Dtype::kF16), 64 * 64 * 2);
  EXPECT_EQ(packed_bytes(64, 33, Dtype::kQ8_0), 64 * 64 * 34 / 32);
  EXPECT_EQ(packed_bytes(64, 33, Dtype::kQ4_0), 64 * 64 * 18 / 32);
}

TEST(GemmPanelsDeathTest, RefuseWhatDoesNotFit) {
  EXPECT_DEATH(packed_bytes(33, 32, Dtype::kQ8_0), "q8_0 panels with K 33");
  Weights weights(32, 40, Dtype::kQ8_0);
  const PackedMatrix b{weights.panels.data(), Dtype::kQ8_0, 32, 40};
  EXPECT_DEATH(gemm_pack_panel(Backend::kReference, b, 1, weights.rows.data(), 32), "panel 1");
  EXPECT_DEATH(gemm_pack_panel(Backend::kReference, b, 2, weights.rows.data(), 32), "panel 2");
  Floats x(64), y(40);
  EXPECT_DEATH(gemm_transposed(reference_launch(), matrix(x, 1), matrix(y, 1), b, false), "dx");
  EXPECT_DEATH(gemm_pack(reference_launch(), b, matrix(x, 1), true), "pack");
}

}  // namespace
}  // namespace r1
