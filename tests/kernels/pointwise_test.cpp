#include "kernels/pointwise.h"

#include <cmath>
#include <limits>

#include "kernels/columns_case.h"

namespace r1 {
namespace {

double silu(double x) { return x / (1 + std::exp(-x)); }

/// cos and sin tables (P, half) of angles position · theta^(−i / half).
struct Turns {
  int64_t half;
  Floats cos, sin;

  Turns(int64_t P, int64_t half_dim) : half(half_dim), cos(P * half), sin(P * half) {
    for (int64_t p = 0; p < P; ++p) {
      for (int64_t i = 0; i < half; ++i) {
        const double angle = p * std::pow(10000.0, -static_cast<double>(i) / half);
        cos[p * half + i] = static_cast<float>(std::cos(angle));
        sin[p * half + i] = static_cast<float>(std::sin(angle));
      }
    }
  }
  void turn(const Launch& launch, Floats& x, const std::vector<int32_t>& positions, bool inverse,
            RopeLayout layout = {}) {
    const int64_t P = static_cast<int64_t>(cos.size()) / half;
    rope(launch, matrix(x, static_cast<int64_t>(positions.size())), positions.data(),
         matrix(cos, P), matrix(sin, P), inverse, layout);
  }
};

TEST(SwiGlu, OpensWithLargeGatesAndClosesWithSmallOnes) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (Backend backend : available_backends()) {
    Floats gate{0, 50, -50, -200, 1, kInf}, up{3, 2, 2, 2, 4, 2}, y(6);
    swiglu_forward({backend, test_pool(1)}, row_vector(y), row_vector(gate), row_vector(up));
    EXPECT_EQ(y[0], 0.0f);
    EXPECT_EQ(y[1], 100.0f);
    EXPECT_NEAR(y[2], 0.0f, 1e-19f);
    EXPECT_EQ(y[3], 0.0f);
    EXPECT_NEAR(y[4], 4 / (1 + std::exp(-1.0)), 1e-6);
    EXPECT_EQ(y[5], kInf);
  }
}

TEST(SwiGlu, EveryColumnHasTheBitsOfTheReference) {
  for (int64_t n : {1, 2, 15, 16, 17, 31, 33, 63, 65, 127, 199, 200, 4095, 5003}) {
    Floats gate = normals(n, 1, 8.0f), up = normals(n, 2), dy = normals(n, 3);
    expect_same_bits_everywhere("n " + std::to_string(n), [&](const Launch& launch) {
      Floats y(n), dgate(n), dup(n);
      swiglu_forward(launch, row_vector(y), row_vector(gate), row_vector(up));
      swiglu_backward(launch, row_vector(dgate), row_vector(dup), row_vector(dy), row_vector(gate),
                      row_vector(up));
      return joined({y, dgate, dup});
    });
  }
}

TEST(SwiGlu, GradientsMatchCentralDifferencesAlsoInPlace) {
  for (Backend backend : available_backends()) {
    const Launch launch{backend, test_pool(1)};
    Floats gate = normals(35, 1, 3.0f), up = normals(35, 2), dy = normals(35, 3), dup(35),
           dgate = dy;
    swiglu_backward(launch, row_vector(dgate), row_vector(dup), row_vector(dgate), row_vector(gate),
                    row_vector(up));
    expect_near_all(dgate,
                    central_differences(gate,
                                        [&](auto& at) {
                                          double sum = 0;
                                          for (int i = 0; i < 35; ++i)
                                            sum += dy[i] * silu(at[i]) * up[i];
                                          return sum;
                                        }),
                    2e-6);
    expect_near_all(dup,
                    central_differences(up,
                                        [&](auto& at) {
                                          double sum = 0;
                                          for (int i = 0; i < 35; ++i)
                                            sum += dy[i] * silu(gate[i]) * at[i];
                                          return sum;
                                        }),
                    2e-6);
  }
}

TEST(Rope, PositionZeroTurnsNothingAndAQuarterTurnSwaps) {
  for (Backend backend : available_backends()) {
    const Launch launch{backend, test_pool(1)};
    Floats cos{1, 0}, sin{0, 1}, x{3, 5, 3, 5};
    const std::vector<int32_t> positions{0, 1};
    rope(launch, matrix(x, 2), positions.data(), matrix(cos, 2), matrix(sin, 2), false);
    EXPECT_EQ(x, (Floats{3, 5, -5, 3}));
  }
}

TEST(Rope, NeighboursTurnLikeHalvesAndTheRestOfAHeadStays) {
  constexpr int64_t kHalf = 19, kWidth = 45, kOffset = 7;  // two heads
  Turns turns(9, kHalf);
  const std::vector<int32_t> positions{3, 8};
  const Floats before = normals(2 * 2 * kWidth, 1);
  expect_same_bits_everywhere("adjacent", [&](const Launch& launch) {
    Floats x = before, halves(2 * 2 * 2 * kHalf);
    for (int64_t head = 0; head < 4; ++head) {
      for (int64_t i = 0; i < 2 * kHalf; ++i) {
        halves[head * 2 * kHalf + i % 2 * kHalf + i / 2] = before[head * kWidth + kOffset + i];
      }
    }
    turns.turn(launch, x, positions, false, {.width = kWidth, .offset = kOffset, .adjacent = true});
    turns.turn(launch, halves, positions, false);
    for (int64_t head = 0; head < 4; ++head) {
      for (int64_t i = 0; i < kWidth; ++i) {
        const int64_t r = i - kOffset, at = head * kWidth + i;
        const bool turned = r >= 0 && r < 2 * kHalf;
        EXPECT_EQ(x[at], turned ? halves[head * 2 * kHalf + r % 2 * kHalf + r / 2] : before[at]);
      }
    }
    return x;
  });
}

TEST(Rope, EveryColumnHasTheBitsOfTheReferenceBothWays) {
  for (int64_t half : {1, 2, 7, 8, 12, 16, 17, 24, 31, 32, 33, 64, 65}) {
    Turns turns(50, half);
    std::vector<int32_t> positions(35);
    for (size_t n = 0; n < positions.size(); ++n) positions[n] = static_cast<int32_t>(n * 7 % 50);
    for (bool inverse : {false, true}) {
      expect_same_bits_everywhere("half " + std::to_string(half), [&](const Launch& launch) {
        Floats x = normals(35 * 3 * 2 * half, 1);
        turns.turn(launch, x, positions, inverse);
        return x;
      });
    }
  }
}

TEST(Rope, InverseTurnsBackAndIsTheGradient) {
  for (Backend backend : available_backends()) {
    const Launch launch{backend, test_pool(2)};
    Turns turns(9, 5);
    const std::vector<int32_t> positions{8, 0, 3};
    const Floats x = normals(3 * 20, 1), dy = normals(3 * 20, 2);
    Floats y = x, dx = dy;
    turns.turn(launch, y, positions, false);
    turns.turn(launch, dx, positions, true);
    double forward = 0, backward = 0;  // <R x, dy> = <x, R⁻¹ dy>
    for (int i = 0; i < 60; ++i) {
      forward += static_cast<double>(y[i]) * dy[i];
      backward += static_cast<double>(x[i]) * dx[i];
    }
    EXPECT_NEAR(forward, backward, 1e-5);
    turns.turn(launch, y, positions, true);
    expect_near_all(y, std::vector<double>(x.begin(), x.end()), 1e-6);
  }
}

TEST(Embed, PicksRowsInBothDtypes) {
  for (Backend backend : available_backends()) {
    const Launch launch{backend, test_pool(1)};
    Floats table{1, 2, 3, 4, 5, 6}, y(4);
    const std::vector<int32_t> tokens{2, 0};
    embed(launch, matrix(y, 2), matrix(table, 3), tokens.data());
    EXPECT_EQ(y, (Floats{5, 6, 1, 2}));
    std::vector<uint16_t> narrow{0x3F80, 0x4000, 0xBF80, 0x0000, 0x4040, 0x4080};
    embed(launch, matrix(y, 2), Tensor(narrow.data(), Dtype::kBF16, {3, 2}), tokens.data());
    EXPECT_EQ(y, (Floats{3, 4, 1, 2}));
  }
}

TEST(Embed, EveryColumnHasTheBitsOfTheReference) {
  for (int64_t C : {1, 3, 15, 16, 17, 31, 33, 63, 96, 101, 199, 897}) {
    const int64_t N = 41, V = 7;
    Floats table = normals(V * C, 1), dy = normals(N * C, 2);
    std::vector<uint16_t> narrow(V * C);
    for (int64_t i = 0; i < V * C; ++i) narrow[i] = f32_to_bf16(table[i]);
    std::vector<int32_t> tokens(N);
    for (int64_t n = 0; n < N; ++n) tokens[n] = static_cast<int32_t>(n * n % V);
    expect_same_bits_everywhere("C " + std::to_string(C), [&](const Launch& launch) {
      Floats y(N * C), y_narrow(N * C), dtable = normals(V * C, 3);
      embed(launch, matrix(y, N), matrix(table, V), tokens.data());
      embed(launch, matrix(y_narrow, N), Tensor(narrow.data(), Dtype::kBF16, {V, C}),
            tokens.data());
      embed_backward(launch, matrix(dtable, V), matrix(dy, N), tokens.data());
      return joined({y, y_narrow, dtable});
    });
  }
}

TEST(Embed, GradientMatchesCentralDifferencesWhereATokenRepeats) {
  for (Backend backend : available_backends()) {
    const Launch launch{backend, test_pool(1)};
    const std::vector<int32_t> tokens{1, 3, 1, 0};
    Floats table = normals(4 * 3, 1), dy = normals(4 * 3, 2), dtable(4 * 3);
    embed_backward(launch, matrix(dtable, 4), matrix(dy, 4), tokens.data());
    expect_near_all(dtable,
                    central_differences(table,
                                        [&](auto& at) {
                                          double sum = 0;
                                          for (int i = 0; i < 12; ++i)
                                            sum += dy[i] * at[tokens[i / 3] * 3 + i % 3];
                                          return sum;
                                        }),
                    1e-6);
  }
}

}  // namespace
}  // namespace r1
