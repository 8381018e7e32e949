#include "kernels/rmsnorm.h"

#include <cmath>

#include "kernels/columns_case.h"

namespace r1 {
namespace {

constexpr float kEps = 1e-6f;

struct Case {
  int64_t N, C;
  Floats x, weight, dy;

  Case(int64_t n_rows, int64_t n_cols)
      : N(n_rows), C(n_cols), x(normals(N * C, 1)), weight(normals(C, 2)), dy(normals(N * C, 3)) {}

  Floats run(const Launch& launch) {
    Floats y(N * C), rstd(N), dx = normals(N * C, 4), dweight = normals(C, 5);
    rmsnorm_forward(launch, matrix(y, N), row_vector(rstd), matrix(x, N), row_vector(weight), kEps);
    rmsnorm_backward(launch, matrix(dx, N), row_vector(dweight), matrix(dy, N), matrix(x, N),
                     row_vector(rstd), row_vector(weight));
    return joined({y, rstd, dx, dweight});
  }
};

/// Σ dy · rmsnorm(x) in double.
double objective(const Case& c, const std::vector<double>& x, const std::vector<double>& weight) {
  double sum = 0;
  for (int64_t n = 0; n < c.N; ++n) {
    double squares = 0;
    for (int64_t i = 0; i < c.C; ++i) squares += x[n * c.C + i] * x[n * c.C + i];
    const double rstd = 1 / std::sqrt(squares / c.C + kEps);
    for (int64_t i = 0; i < c.C; ++i) sum += c.dy[n * c.C + i] * x[n * c.C + i] * rstd * weight[i];
  }
  return sum;
}

TEST(RmsNorm, ScalesThreeFourByTheRootOfTwelveAndAHalf) {
  for (Backend backend : available_backends()) {
    Floats x{3, 4}, weight{1, 2}, y(2), rstd(1);
    rmsnorm_forward({backend, test_pool(1)}, matrix(y, 1), row_vector(rstd), matrix(x, 1),
                    row_vector(weight), 0.0f);
    EXPECT_NEAR(rstd[0], 1 / std::sqrt(12.5), 1e-7);
    EXPECT_NEAR(y[0], 3 / std::sqrt(12.5), 1e-6);
    EXPECT_NEAR(y[1], 8 / std::sqrt(12.5), 1e-6);
  }
}

TEST(RmsNorm, LeavesARowOfZerosZero) {
  for (Backend backend : available_backends()) {
    Floats x(33), weight(33, 1.0f), y(33, 7.0f), rstd(1);
    rmsnorm_forward({backend, test_pool(1)}, matrix(y, 1), row_vector(rstd), matrix(x, 1),
                    row_vector(weight), 1e-6f);
    EXPECT_NEAR(rstd[0], 1000.0f, 0.1f);
    EXPECT_EQ(y, Floats(33, 0.0f));
  }
}

TEST(RmsNorm, EveryColumnHasTheBitsOfTheReferenceAtEveryWidth) {
  for (int64_t C = 1; C <= 200; C += (C < 66 ? 1 : 2)) {
    Case c(3, C);
    expect_same_bits_everywhere("C " + std::to_string(C),
                                [&](auto& launch) { return c.run(launch); });
  }
  for (auto [N, C] : {std::pair{37, 96}, {100, 33}, {19, 897}, {2, 5000}}) {
    Case c(N, C);
    expect_same_bits_everywhere("C " + std::to_string(C),
                                [&](auto& launch) { return c.run(launch); });
  }
}

TEST(RmsNorm, ARowAloneHasTheBitsItHasInABatch) {
  for (Backend backend : available_backends()) {
    const Launch launch{backend, test_pool(2)};
    Case batch(40, 101);
    const Floats all = batch.run(launch);
    for (int64_t n : {0, 17, 39}) {
      Floats x(batch.x.begin() + n * 101, batch.x.begin() + (n + 1) * 101), y(101), rstd(1);
      rmsnorm_forward(launch, matrix(y, 1), row_vector(rstd), matrix(x, 1),
                      row_vector(batch.weight), kEps);
      EXPECT_TRUE(equal_bits(y, Floats(all.begin() + n * 101, all.begin() + (n + 1) * 101)));
    }
  }
}

TEST(RmsNorm, GradientsMatchCentralDifferencesAndAdd) {
  for (Backend backend : available_backends()) {
    Case c(3, 21);
    const Floats out = c.run({backend, test_pool(1)});
    const int64_t size = c.N * c.C;
    const std::vector<double> x(c.x.begin(), c.x.end()), weight(c.weight.begin(), c.weight.end());
    auto expect = [&](int64_t offset, const Floats& before, std::vector<double> slope) {
      for (size_t i = 0; i < slope.size(); ++i) slope[i] += before[i];
      const auto first = out.begin() + offset;
      expect_near_all(Floats(first, first + static_cast<int64_t>(slope.size())), slope, 3e-6);
    };
    expect(size + c.N, normals(size, 4),
           central_differences(c.x, [&](auto& at) { return objective(c, at, weight); }));
    expect(2 * size + c.N, normals(c.C, 5),
           central_differences(c.weight, [&](auto& at) { return objective(c, x, at); }));
  }
}

TEST(RmsNorm, AFrozenNormGivesOnlyDx) {
  for (Backend backend : available_backends()) {
    const Launch launch{backend, test_pool(1)};
    Case c(5, 37);
    const Floats all = c.run(launch);
    Floats rstd(all.begin() + 5 * 37, all.begin() + 5 * 37 + 5), dx = normals(5 * 37, 4);
    rmsnorm_backward(launch, matrix(dx, 5), Tensor(), matrix(c.dy, 5), matrix(c.x, 5),
                     row_vector(rstd), row_vector(c.weight));
    const auto first = all.begin() + 5 * 37 + 5;
    EXPECT_TRUE(equal_bits(dx, Floats(first, first + 5 * 37)));
  }
}

}  // namespace
}  // namespace r1
