#include "kernels/gemm.h"

#include "kernels/columns_case.h"

namespace r1 {
namespace {

using Halves = std::vector<uint16_t>;

/// A weight matrix and its panels, in f32 or bf16.
struct Weights {
  int64_t K, N;
  Dtype dtype;
  bool transposed;
  Floats values;  // (N, K) if transposed, else (K, N)
  Halves halves;
  Floats panels;  // room for either dtype

  Weights(int64_t K, int64_t N, Dtype dtype, bool transposed)
      : K(K), N(N), dtype(dtype), transposed(transposed), values(normals(K * N, 1)) {
    for (float& value : values) halves.push_back(f32_to_bf16(value));
    panels.assign(packed_bytes(K, N, Dtype::kF32) / sizeof(float), 7.0f);
  }
  PackedMatrix pack(const Launch& launch) {
    void* data = dtype == Dtype::kF32 ? static_cast<void*>(values.data()) : halves.data();
    const Tensor w(data, dtype, {transposed ? N : K, transposed ? K : N});
    const PackedMatrix b{panels.data(), dtype, K, N};
    gemm_pack(launch, b, w, transposed);
    return b;
  }
};

Floats product(const Launch& launch, Weights& weights, Floats& x, int64_t M, bool accumulate) {
  Floats y = normals(M * weights.N, 3);
  const PackedMatrix b = weights.pack(launch);
  gemm(launch, matrix(y, M), matrix(x, M), b, accumulate);
  return y;
}

Floats weight_gradient(const Launch& launch, int64_t N, int64_t O, int64_t I) {
  Floats dw = normals(O * I, 4), dy = normals(N * O, 5), x = normals(N * I, 6);
  gemm_weight_gradient(launch, matrix(dw, O), matrix(dy, N), matrix(x, N));
  return dw;
}

TEST(Gemm, MultipliesTwoByTwoAsByHand) {
  for (Backend backend : available_backends()) {
    const Launch launch{backend, test_pool(1)};
    Floats x{1, 2, 3, 4}, y(4), panels(2 * kPanel), w{5, 6, 7, 8};
    const PackedMatrix b{panels.data(), Dtype::kF32, 2, 2};
    gemm_pack(launch, b, matrix(w, 2), false);
    gemm(launch, matrix(y, 2), matrix(x, 2), b, false);
    EXPECT_EQ(y, (Floats{19, 22, 43, 50}));
    gemm_pack(launch, b, matrix(w, 2), true);  // x times the transpose
    gemm(launch, matrix(y, 2), matrix(x, 2), b, true);
    EXPECT_EQ(y, (Floats{19 + 17, 22 + 23, 43 + 39, 50 + 53}));
    Floats dw{1, 1, 1, 1};
    gemm_weight_gradient(launch, matrix(dw, 2), matrix(x, 2), matrix(w, 2));
    EXPECT_EQ(dw, (Floats{1 + 26, 1 + 30, 1 + 38, 1 + 44}));
  }
}

TEST(Gemm, LeavesXUnchangedUnderTheIdentity) {
  const int64_t K = 45;
  for (Backend backend : available_backends()) {
    const Launch launch{backend, test_pool(2)};
    Floats identity(K * K), panels(packed_bytes(K, K, Dtype::kF32) / 4), x = normals(17 * K, 1);
    for (int64_t k = 0; k < K; ++k) identity[k * K + k] = 1;
    const PackedMatrix b{panels.data(), Dtype::kF32, K, K};
    gemm_pack(launch, b, matrix(identity, K), true);
    Floats y(x.size());
    gemm(launch, matrix(y, 17), matrix(x, 17), b, false);
    EXPECT_EQ(y, x);
  }
}

TEST(Gemm, PadsPanelsWithZeros) {
  for (Backend backend : available_backends()) {
    for (Dtype dtype : {Dtype::kF32, Dtype::kBF16}) {
      for (bool transposed : {false, true}) {
        Weights weights(3, 35, dtype, transposed);
        weights.pack({backend, test_pool(2)});
        const Floats& panels = weights.panels;
        const auto* halves = reinterpret_cast<const uint16_t*>(panels.data());
        for (int64_t i = (3 + 0) * kPanel + 3; i < 4 * kPanel; ++i) {
          EXPECT_EQ(dtype == Dtype::kF32 ? panels[i] : bf16_to_f32(halves[i]), 0.0f);
        }
      }
    }
  }
}

TEST(Gemm, EveryBackendAndThreadCountGivesTheReferencesBits) {
  const int64_t shapes[][3] = {{1, 1, 1},    {2, 300, 33},  {3, 17, 130},  {5, 64, 69},
                               {7, 5, 16},   {12, 96, 96},  {13, 31, 48},  {23, 40, 17},
                               {25, 2, 129}, {40, 96, 100}, {37, 257, 64}, {14, 520, 65}};
  for (const auto& [M, K, N] : shapes) {
    for (Dtype dtype : {Dtype::kF32, Dtype::kBF16}) {
      for (bool flag : {false, true}) {
        Weights weights(K, N, dtype, flag);
        Floats x = normals(M * K, 2);
        expect_same_bits_everywhere(
            fmt::format("M {} K {} N {} {}", M, K, N, dtype_name(dtype)),
            [&, M = M](const Launch& launch) { return product(launch, weights, x, M, flag); });
      }
    }
  }
}

TEST(Gemm, EveryRowCountOfATileGivesTheReferencesBits) {
  Weights weights(19, 83, Dtype::kF32, true), half(19, 83, Dtype::kBF16, true);
  for (int64_t M = 1; M <= 26; ++M) {
    Floats x = normals(M * 19, 2);
    expect_same_bits_everywhere(fmt::format("M {}", M), [&](const Launch& launch) {
      return joined({product(launch, weights, x, M, false), product(launch, half, x, M, true)});
    });
  }
}

TEST(Gemm, RowsThatShareCacheSetsGiveTheSameBits) {
  Weights weights(1024, 40, Dtype::kF32, true);  // such x are copied first
  Floats x = normals(30 * 1024, 2);
  expect_same_bits_everywhere(
      "K 1024", [&](const Launch& launch) { return product(launch, weights, x, 30, false); });
}

TEST(Gemm, WeightGradientGivesTheReferencesBits) {
  const int64_t shapes[][3] = {{1, 1, 1},     {2, 3, 33},  {130, 17, 5},  {64, 69, 96},
                               {300, 13, 40}, {7, 96, 69}, {33, 250, 35}, {129, 12, 32}};
  for (const auto& [N, O, I] : shapes) {
    expect_same_bits_everywhere(
        fmt::format("N {} O {} I {}", N, O, I),
        [N = N, O = O, I = I](const Launch& launch) { return weight_gradient(launch, N, O, I); });
  }
}

TEST(Gemm, ARowAloneEqualsThatRowInAnyBatch) {
  const int64_t K = 70, N = 75, M = 40;
  for (Dtype dtype : {Dtype::kF32, Dtype::kBF16}) {
    Weights weights(K, N, dtype, true);
    Floats x = normals(M * K, 2);
    for (Backend backend : available_backends()) {
      const Floats all = product({backend, test_pool(1)}, weights, x, M, false);
      for (int64_t rows = 1; rows < M; ++rows) {
        for (int64_t first : {int64_t{0}, M - rows}) {
          Floats part(x.begin() + first * K, x.begin() + (first + rows) * K);
          const Floats y = product({backend, test_pool(1 + rows % 2)}, weights, part, rows, false);
          EXPECT_EQ(std::memcmp(y.data(), all.data() + first * N, y.size() * sizeof(float)), 0)
              << backend_name(backend) << " rows " << first << " to " << first + rows;
        }
      }
    }
  }
}

TEST(Gemm, AccumulatingInBlocksOfRowsEqualsOneGradient) {
  const int64_t N = 50, O = 20, I = 37;
  for (Backend backend : available_backends()) {
    const Launch launch{backend, test_pool(2)};
    Floats dw = normals(O * I, 4), dy = normals(N * O, 5), x = normals(N * I, 6);
    const Floats once = weight_gradient(launch, N, O, I);
    for (int64_t n = 0; n < N; n += 10) {
      gemm_weight_gradient(launch, matrix(dw, O), matrix(dy, N).slice_rows(n, n + 10),
                           matrix(x, N).slice_rows(n, n + 10));
    }
    EXPECT_TRUE(equal_bits(dw, once)) << backend_name(backend);
  }
}

TEST(Gemm, PlansWithoutTouchingMemory) {
  const Launch plan{Backend::kPlan, nullptr};
  const Tensor nothing(nullptr, Dtype::kF32, {4, 4});
  const PackedMatrix b{nullptr, Dtype::kF32, 4, 4};
  gemm_pack(plan, b, nothing, true);
  gemm(plan, nothing, nothing, b, false);
  gemm_weight_gradient(plan, nothing, nothing, nothing);
}

TEST(GemmDeathTest, RefusesShapesThatDoNotMeet) {
  const Launch launch = reference_launch();
  Floats x(6), y(6), panels(64);
  const PackedMatrix b{panels.data(), Dtype::kF32, 2, 2};
  EXPECT_DEATH(gemm(launch, matrix(y, 2), matrix(x, 2), b, false), "gemm: x");
}

}  // namespace
}  // namespace r1
