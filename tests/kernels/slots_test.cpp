// Rows to slots and back: by hand, every column with the reference's bits, gradients in double.
#include "kernels/slots.h"

#include "kernels/columns_case.h"

namespace r1 {
namespace {

using Ints = std::vector<int32_t>;

Tensor ints(Ints& values, int64_t rows) {
  return Tensor(values.data(), Dtype::kI32, {rows, std::ssize(values) / rows});
}

/// Row n's K slots: a permutation of all N K of them.
Ints some_slots(int64_t N, int64_t K) {
  Ints slots(N * K);
  for (int64_t i = 0; i < N * K; ++i) slots[i] = static_cast<int32_t>(i * 7 % (N * K));
  return slots;
}

TEST(Slots, GatherAndCombineAsByHand) {
  Floats x{1, 2, 3, 4}, to(8), weights{1, 10, 100, 1000};
  Ints rows{1, 0, 1, 0}, slots{1, 3, 0, 2};  // row 0 went to slots 1 and 3
  for (Backend backend : available_backends()) {
    const Launch launch{backend, test_pool(1)};
    gather_slots(launch, matrix(to, 4), matrix(x, 2), ints(rows, 4));
    EXPECT_EQ(to, (Floats{3, 4, 1, 2, 3, 4, 1, 2}));
    Floats y{1, 1, 1, 1};
    combine_slots(launch, matrix(y, 2), matrix(to, 4), ints(slots, 2), matrix(weights, 2), true);
    EXPECT_EQ(y, (Floats{1 + 11, 1 + 22, 1 + 3300, 1 + 4400}));
    combine_slots(launch, matrix(y, 2), matrix(to, 4), ints(slots, 2), Tensor(), false);
    EXPECT_EQ(y, (Floats{2, 4, 6, 8}));
  }
}

TEST(Slots, EveryBackendAndThreadCountGivesTheReferencesBits) {
  for (const auto& [N, C, K] : {std::array<int64_t, 3>{1, 1, 1}, {4, 16, 2}, {40, 35, 3}}) {
    ASSERT_NE(N * K % 7, 0);
    Ints slots = some_slots(N, K), rows(N * K);
    for (int64_t i = 0; i < N * K; ++i) rows[slots[i]] = static_cast<int32_t>(i / K);
    Floats x = normals(N * C, 1), weights = normals(N * K, 2), ys = normals(N * K * C, 3);
    expect_same_bits_everywhere(
        fmt::format("N {} C {} K {}", N, C, K), [&, N = N, C = C, K = K](const Launch& launch) {
          Floats to(N * K * C), y = normals(N * C, 4), sum(N * C), dys(N * K * C), dw(N * K);
          gather_slots(launch, matrix(to, N * K), matrix(x, N), ints(rows, N * K));
          combine_slots(launch, matrix(y, N), matrix(ys, N * K), ints(slots, N), matrix(weights, N),
                        true);
          combine_slots(launch, matrix(sum, N), matrix(ys, N * K), ints(slots, N), Tensor(), false);
          combine_slots_backward(launch, matrix(dys, N * K), matrix(dw, N), matrix(x, N),
                                 matrix(ys, N * K), ints(slots, N), matrix(weights, N));
          return joined({to, y, sum, dys, dw});
        });
  }
}

TEST(Slots, BackwardEqualsCentralDifferences) {
  const int64_t N = 3, C = 5, K = 2;
  Ints slots = some_slots(N, K);
  Floats ys = normals(N * K * C, 1), weights = normals(N * K, 2), dy = normals(N * C, 3);
  Floats dys(ys.size()), dw(weights.size());
  combine_slots_backward(reference_launch(), matrix(dys, N * K), matrix(dw, N), matrix(dy, N),
                         matrix(ys, N * K), ints(slots, N), matrix(weights, N));
  Floats both = joined({ys, weights});
  const auto value = [&](const std::vector<double>& v) {
    double sum = 0;
    for (int64_t i = 0; i < N * K; ++i) {
      for (int64_t c = 0; c < C; ++c) {
        sum += v[ys.size() + i] * v[slots[i] * C + c] * dy[i / K * C + c];
      }
    }
    return sum;
  };
  expect_near_all(joined({dys, dw}), central_differences(both, value), 1e-5);
}

TEST(SlotsDeathTest, RefusesShapesThatDoNotMeet) {
  Floats x(4), to(6);
  Ints rows{0, 1};
  EXPECT_DEATH(gather_slots(reference_launch(), matrix(to, 2), matrix(x, 2), ints(rows, 2)),
               "gather: to");
}

}  // namespace
}  // namespace r1
