#include "kernels/adamw.h"

#include <cmath>

#include "kernels/columns_case.h"

namespace r1 {
namespace {

AdamWStep at_step(int t, float gradient_scale = 1.0f) {
  return {.lr = 0.01f,
          .beta1 = 0.9f,
          .beta2 = 0.999f,
          .eps = 1e-8f,
          .weight_decay = 0.1f,
          .correction1 = static_cast<float>(1 / (1 - std::pow(0.9, t))),
          .correction2 = static_cast<float>(1 / (1 - std::pow(0.999, t))),
          .gradient_scale = gradient_scale};
}

void step(const Launch& launch, Floats& w, Floats& m, Floats& v, Floats& g, const AdamWStep& s) {
  adamw_step(launch, row_vector(w), row_vector(m), row_vector(v), row_vector(g), s);
}

TEST(AdamW, TheFirstStepIsTheLearningRateAgainstTheSignOfTheGradient) {
  for (Backend backend : available_backends()) {
    Floats w{1, 1, 1}, m(3), v(3), g{0.5f, -8.0f, 0.0f};
    step({backend, test_pool(1)}, w, m, v, g, at_step(1));
    EXPECT_NEAR(m[0], 0.05, 1e-7);
    EXPECT_NEAR(v[0], 0.00025, 1e-8);
    EXPECT_NEAR(w[0], 0.999 - 0.01, 1e-6);  // decay 1 − lr λ, then lr · g / |g|
    EXPECT_NEAR(w[1], 0.999 + 0.01, 1e-6);
    EXPECT_NEAR(w[2], 0.999, 1e-6);
  }
}

TEST(AdamW, AHundredStepsFollowALoopInDouble) {
  for (Backend backend : available_backends()) {
    Floats w = normals(37, 1), m(37), v(37);
    std::vector<double> W(w.begin(), w.end()), M(37), V(37);
    for (int t = 1; t <= 100; ++t) {
      Floats g = normals(37, 100 + t);
      step({backend, test_pool(1)}, w, m, v, g, at_step(t, 0.5f));
      for (int i = 0; i < 37; ++i) {
        const double gi = 0.5 * g[i];
        M[i] = 0.9 * M[i] + 0.1 * gi;
        V[i] = 0.999 * V[i] + 0.001 * gi * gi;
        W[i] -= 0.01 * (0.1 * W[i] + M[i] / (1 - std::pow(0.9, t)) /
                                         (std::sqrt(V[i] / (1 - std::pow(0.999, t))) + 1e-8));
      }
    }
    expect_near_all(w, W, 2e-5);
  }
}

TEST(AdamW, EveryColumnHasTheBitsOfTheReference) {
  for (int64_t n : {1, 3, 15, 16, 17, 31, 33, 101, 199, 4096, 4097, 12345}) {
    Floats g = normals(n, 4, 0.1f);
    expect_same_bits_everywhere("n " + std::to_string(n), [&](const Launch& launch) {
      Floats w = normals(n, 1), m = normals(n, 2, 0.01f), v(n, 0.003f);
      for (int t : {5, 6}) step(launch, w, m, v, g, at_step(t, 0.37f));
      return joined({w, m, v});
    });
  }
}

TEST(AdamW, MomentsInBf16HaveTheSameBitsEverywhereAndStayNearThoseInF32) {
  const int64_t n = 4099;
  Floats g = normals(n, 4, 0.1f), wide;
  const auto run = [&](const Launch& launch, Dtype dtype) {
    Floats w = normals(n, 1), m(n), v(n);  // as bf16 the first half of each is used
    for (int t : {1, 2, 3}) {
      const Tensor mean(m.data(), dtype, {n}), variance(v.data(), dtype, {n});
      adamw_step(launch, row_vector(w), mean, variance, row_vector(g), at_step(t));
    }
    return joined({w, m, v});
  };
  expect_same_bits_everywhere("bf16",
                              [&](const Launch& launch) { return run(launch, Dtype::kBF16); });
  const Floats half = run({Backend::kReference, test_pool(1)}, Dtype::kBF16),
               full = run({Backend::kReference, test_pool(1)}, Dtype::kF32);
  for (int64_t i = 0; i < n; ++i) EXPECT_NEAR(half[i], full[i], 2e-4) << i;
}

TEST(SumOfSquares, IsTwentyFiveForThreeAndFour) {
  for (Backend backend : available_backends()) {
    Floats x{3, 4}, none;
    EXPECT_EQ(sum_of_squares({backend, test_pool(1)}, row_vector(x)), 25.0);
    EXPECT_EQ(sum_of_squares({backend, test_pool(1)}, row_vector(none)), 0.0);
  }
}

TEST(SumOfSquares, EveryColumnAndThreadCountHasTheBitsOfTheReference) {
  for (int64_t n : {1, 7, 16, 17, 199, 4095, 4096, 4097, 40000, 1100003}) {
    Floats x = normals(n, 1);
    double exact = 0;
    for (float value : x) exact += static_cast<double>(value) * value;
    const double expected = sum_of_squares(reference_launch(), row_vector(x));
    EXPECT_NEAR(expected, exact, 1e-6 * exact);
    for (Backend backend : available_backends()) {
      for (int n_threads : {1, 2, 3}) {
        EXPECT_EQ(sum_of_squares({backend, test_pool(n_threads)}, row_vector(x)), expected)
            << backend_name(backend) << " n " << n;
      }
    }
  }
}

}  // namespace
}  // namespace r1
