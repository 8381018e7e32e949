#include "kernels/fp8.h"

#include <cmath>

#include "kernels/columns_case.h"
#include "tensor/float8.h"

namespace r1 {
namespace {

TEST(RoundE4m3, IsTheFormatsNearestValueWithTiesToEven) {
  for (float x = 0x1p-11f; x < 600.0f; x *= 1.0037f) {
    EXPECT_EQ(round_e4m3(x), e4m3_to_f32(f32_to_e4m3(x))) << x;
    EXPECT_EQ(round_e4m3(-x), -round_e4m3(x)) << x;
  }
  for (int code = 0; code < 0x7F; ++code) {
    const float value = e4m3_to_f32(static_cast<uint8_t>(code));
    EXPECT_EQ(round_e4m3(value), value);
    if (code == 0x7E) continue;
    const float next = e4m3_to_f32(static_cast<uint8_t>(code + 1));
    EXPECT_EQ(round_e4m3((value + next) / 2), code % 2 == 0 ? value : next) << code;
  }
  EXPECT_EQ(round_e4m3(1e9f), 448.0f);
}

/// A weight with its own memory.
struct Weight {
  Weight(Floats& w, int64_t O, int64_t I, const Launch& launch)
      : memory(static_cast<size_t>(Fp8Weight::bytes(O, I)) / 4 + 16), packed{O, I, nullptr} {
    auto address = reinterpret_cast<uintptr_t>(memory.data());
    packed.memory = reinterpret_cast<std::byte*>((address + 63) / 64 * 64);
    fp8_pack(launch, packed, Tensor(w.data(), Dtype::kF32, {O, I}));
  }
  Floats memory;
  Fp8Weight packed;
};

double dequantised(float x, float amax) {
  const float scale = fp8_scale(amax);
  return static_cast<double>(round_e4m3(x / scale)) * scale;
}

/// x (N, K) with one scale for `rows` × `cols` elements.
std::vector<double> rounded(const Floats& x, int64_t N, int64_t K, int64_t rows, int64_t cols) {
  std::vector<double> to(x.size());
  for (int64_t n0 = 0; n0 < N; n0 += rows) {
    for (int64_t k0 = 0; k0 < K; k0 += cols) {
      float amax = 0;
      const int64_t n1 = std::min(n0 + rows, N), k1 = std::min(k0 + cols, K);
      for (int64_t n = n0; n < n1; ++n) {
        for (int64_t k = k0; k < k1; ++k) amax = std::max(amax, std::abs(x[n * K + k]));
      }
      for (int64_t n = n0; n < n1; ++n) {
        for (int64_t k = k0; k < k1; ++k) to[n * K + k] = dequantised(x[n * K + k], amax);
      }
    }
  }
  return to;
}

/// Σ_k a_ik b_jk.
std::vector<double> product(const std::vector<double>& a, const std::vector<double>& b, int64_t M,
                            int64_t N, int64_t K) {
  std::vector<double> c(M * N, 0.0);
  for (int64_t i = 0; i < M; ++i) {
    for (int64_t j = 0; j < N; ++j) {
      for (int64_t k = 0; k < K; ++k) c[i * N + j] += a[i * K + k] * b[j * K + k];
    }
  }
  return c;
}

std::vector<double> turned(const std::vector<double>& x, int64_t N, int64_t K) {
  std::vector<double> to(x.size());
  for (int64_t n = 0; n < N; ++n) {
    for (int64_t k = 0; k < K; ++k) to[k * N + n] = x[n * K + k];
  }
  return to;
}

constexpr int64_t kN = 141, kO = 200, kI = 150;

class Fp8Products : public testing::Test {
 protected:
  Floats w_ = normals(kO * kI, 1, 0.1f), x_ = normals(kN * kI, 2), dy_ = normals(kN * kO, 3, 1e-6f);
  Arena arena_;
  Launch launch_{available_backends().back(), test_pool(2)};
  Weight weight_{w_, kO, kI, launch_};
};

TEST_F(Fp8Products, ForwardIsTheProductOfRoundedTiles) {
  Floats y(kN * kO, 1.0f);
  fp8_forward(launch_, arena_, matrix(y, kN), matrix(x_, kN), weight_.packed, false);
  expect_near_all(
      y, product(rounded(x_, kN, kI, 1, 128), rounded(w_, kO, kI, 128, 128), kN, kO, kI), 2e-5);
  Floats twice = y;
  fp8_forward(launch_, arena_, matrix(twice, kN), matrix(x_, kN), weight_.packed, true);
  for (size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(twice[i], 2 * y[i], 1e-5);
}

TEST_F(Fp8Products, BackwardIsTheProductOfRoundedTilesAlongOutFeatures) {
  const auto w = turned(rounded(w_, kO, kI, 128, 128), kO, kI);
  for (auto [tiles, rows] : {std::pair{Fp8Gradient::kRow, 1}, {Fp8Gradient::kSquare, 128}}) {
    Floats dx(kN * kI);
    fp8_backward(launch_, arena_, matrix(dx, kN), matrix(dy_, kN), weight_.packed, tiles, false);
    expect_near_all(dx, product(rounded(dy_, kN, kO, rows, 128), w, kN, kI, kO), 1e-10);
  }
}

TEST_F(Fp8Products, WeightGradientIsTheProductOfColumnsIn128Rows) {
  Floats dw(kO * kI, 0.0f);
  fp8_weight_gradient(launch_, arena_, matrix(dw, kO), matrix(dy_, kN), matrix(x_, kN));
  const auto dy = turned(rounded(dy_, kN, kO, 128, 1), kN, kO);
  expect_near_all(dw, product(dy, turned(rounded(x_, kN, kI, 128, 1), kN, kI), kO, kI, kN), 1e-10);
}

TEST_F(Fp8Products, ARowAloneHasItsBitsOfTheBatch) {
  Floats y(kN * kO), one(kO);
  fp8_forward(launch_, arena_, matrix(y, kN), matrix(x_, kN), weight_.packed, false);
  Floats row(x_.begin() + 7 * kI, x_.begin() + 8 * kI);
  fp8_forward({Backend::kReference, test_pool(1)}, arena_, matrix(one, 1), matrix(row, 1),
              weight_.packed, false);
  EXPECT_EQ(one, Floats(y.begin() + 7 * kO, y.begin() + 8 * kO));
}

/// Normal numbers lose 2.6 % an operand and 3.6 % a product, whatever K is.
TEST(Fp8, TheErrorOfAProductDoesNotGrowWithItsLength) {
  const Launch launch{available_backends().back(), test_pool(2)};
  for (int64_t K : {128, 1024, 4096}) {
    Floats w = normals(64 * K, 1), x = normals(32 * K, 2), y(32 * 64);
    Weight weight(w, 64, K, launch);
    Arena arena;
    fp8_forward(launch, arena, matrix(y, 32), matrix(x, 32), weight.packed, false);
    const auto exact = product({x.begin(), x.end()}, {w.begin(), w.end()}, 32, 64, K);
    double error = 0, size = 0;
    for (size_t i = 0; i < y.size(); ++i) {
      error += (y[i] - exact[i]) * (y[i] - exact[i]);
      size += exact[i] * exact[i];
    }
    const double relative = std::sqrt(error / size);
    EXPECT_GT(relative, 0.033) << K;
    EXPECT_LT(relative, 0.040) << K;
  }
}

}  // namespace
}  // namespace r1
