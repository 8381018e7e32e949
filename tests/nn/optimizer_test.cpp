#include "nn/optimizer.h"

#include <cmath>
#include <limits>

#include "nn/fixtures.h"
#include "nn/norm.h"

namespace r1 {
namespace {

/// Two weights (3, 5) and (4) with random gradients.
struct Weights {
  Linear a;
  RmsNorm b;
  Home home;
  Launch launch = best_launch();

  explicit Weights(Dtype dtype = Dtype::kF32) {
    a.shape(3, 5);
    b.shape(4, 1e-5f);
    home.add("a", a);
    home.add("b", b);
    home.build(launch, dtype);
    set_gradients(1.0f);
  }
  void set_gradients(float scale) {
    const Floats ga = normals(15, 1, scale), gb = normals(4, 2, scale);
    std::memcpy(a.weight.grad.data, ga.data(), 15 * 4);
    std::memcpy(b.weight.grad.data, gb.data(), 4 * 4);
  }
  Floats masters() { return floats_of(home.store().masters()); }
};

TEST(AdamW, FirstStepMovesEachWeightByTheRateAgainstItsSign) {
  Weights w;
  AdamW optimizer(w.home.store(), {});
  const Floats before = w.masters();
  ASSERT_TRUE(optimizer.step(w.launch, 0.01f));
  const Floats after = floats_of(w.a.weight.master);
  for (int i = 0; i < 15; ++i) {
    EXPECT_NEAR(after[i] - before[i], w.a.weight.grad.f32()[i] > 0 ? -0.01 : 0.01, 1e-5);
  }
}

TEST(AdamW, FollowsItsDefinitionInDoubleForTwentySteps) {
  Weights w;
  const AdamWConfig config{
      .beta1 = 0.8f, .beta2 = 0.9f, .eps = 1e-6f, .weight_decay = 0.1f, .max_grad_norm = 2.0f};
  AdamW optimizer(w.home.store(), config);
  const Floats start = floats_of(w.a.weight.master);
  Doubles x = widened(start), m(15, 0.0), v(15, 0.0);
  for (int t = 1; t <= 20; ++t) {
    w.set_gradients(0.1f * static_cast<float>(t));
    double squares = 0;
    for (float g : floats_of(w.a.weight.grad)) squares += static_cast<double>(g) * g;
    for (float g : floats_of(w.b.weight.grad)) squares += static_cast<double>(g) * g;
    const double norm = std::sqrt(squares), clip = norm > 2.0 ? 2.0 / norm : 1.0;
    for (int i = 0; i < 15; ++i) {
      const double g = clip * w.a.weight.grad.f32()[i];
      m[i] = 0.8 * m[i] + 0.2 * g;
      v[i] = 0.9 * v[i] + 0.1 * g * g;
      x[i] -= 0.01 * (0.1 * x[i] + m[i] / (1 - std::pow(0.8, t)) /
                                       (std::sqrt(v[i] / (1 - std::pow(0.9, t))) + 1e-6));
    }
    const auto reported = optimizer.step(w.launch, 0.01f);
    ASSERT_TRUE(reported);
    EXPECT_NEAR(*reported, norm, 1e-5 * norm);  // before clipping
  }
  expect_near_all(floats_of(w.a.weight.master), x, 1e-5);
  EXPECT_EQ(optimizer.n_steps(), 20);
}

TEST(AdamW, ClipsByTheGlobalNorm) {
  Weights small, large;
  const AdamWConfig config{.max_grad_norm = 1e-3f};
  AdamW a(small.home.store(), config), b(large.home.store(), config);
  small.set_gradients(1.0f);
  large.set_gradients(1024.0f);
  ASSERT_TRUE(a.step(small.launch, 0.01f));
  ASSERT_TRUE(b.step(large.launch, 0.01f));
  const Floats x = floats_of(a.mean()), y = floats_of(b.mean());
  double squares = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_NEAR(x[i], y[i], 1e-10);
    squares += static_cast<double>(x[i]) * x[i];
  }
  EXPECT_NEAR(std::sqrt(squares), 0.1 * 1e-3, 1e-8);  // (1 − beta1) of the clipped gradient
}

TEST(AdamW, RefusesNanAndInfinityNamingTheTensorAndChangesNothing) {
  for (float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Weights w;
    AdamW optimizer(w.home.store(), {});
    ASSERT_TRUE(optimizer.step(w.launch, 0.01f));
    const Floats masters = w.masters(), mean = floats_of(optimizer.mean()),
                 variance = floats_of(optimizer.variance());
    w.b.weight.grad.f32()[2] = bad;
    const auto refused = optimizer.step(w.launch, 0.01f);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "the gradient of b is not finite");
    EXPECT_TRUE(equal_bits(w.masters(), masters));
    EXPECT_TRUE(equal_bits(floats_of(optimizer.mean()), mean));
    EXPECT_TRUE(equal_bits(floats_of(optimizer.variance()), variance));
    EXPECT_EQ(optimizer.n_steps(), 1);
  }
}

TEST(AdamW, LeavesThePaddingBetweenParametersAtZero) {
  Weights w;
  AdamW optimizer(w.home.store(), {.weight_decay = 0.1f});
  ASSERT_TRUE(optimizer.step(w.launch, 0.01f));
  EXPECT_EQ(w.masters()[15], 0.0f);  // (3, 5) is padded to 16
  EXPECT_EQ(w.masters()[20], 0.0f);
}

TEST(AdamW, SmallStepsAddUpInTheMastersOfABfloatModel) {
  Weights w(Dtype::kBF16);
  AdamW optimizer(w.home.store(), {});
  const Floats before = floats_of(w.a.weight.master);
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(optimizer.step(w.launch, 1e-4f));
  w.home.refresh(w.launch);
  for (int i = 0; i < 15; ++i) {
    EXPECT_NEAR(std::abs(w.a.weight.master.f32()[i] - before[i]), 0.02, 1e-4);
    EXPECT_EQ(w.a.weight.weight.u16()[i], f32_to_bf16(w.a.weight.master.f32()[i]));
  }
}

}  // namespace
}  // namespace r1
