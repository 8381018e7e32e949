#include "train/distill_loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/random.h"

namespace r1 {
namespace {

using Floats = std::vector<float>;

Floats logs(std::initializer_list<double> p) {
  Floats z;
  for (const double x : p) z.push_back(static_cast<float>(std::log(x)));
  return z;
}

/// Halves and quarters: every figure below is worked out by hand.
const Floats kTeacher = logs({0.5, 0.25, 0.25}), kStudent = logs({0.25, 0.5, 0.25});

Floats random_row(size_t n, uint64_t stream, float spread) {
  Rng rng(7, stream);
  Floats z(n);
  for (float& x : z) x = spread * rng.normal();
  return z;
}

using Loss = std::function<double(std::span<const float> z, std::span<float> dz)>;

/// Against central differences in the logits; the loss is double, the logits are not.
void expect_derivative(const Loss& loss, const Floats& z) {
  Floats dz(z.size(), 0.0f);
  loss(z, dz);
  for (size_t v = 0; v < z.size(); ++v) {
    const float step = 1.0f / 64;
    Floats up = z, down = z, ignored(z.size());
    up[v] += step, down[v] -= step;
    const double slope = (loss(up, ignored) - loss(down, ignored)) / (2.0 * step);
    EXPECT_NEAR(dz[v], slope, 2e-4 + 1e-3 * std::abs(slope)) << v;
  }
}

TEST(DistillLoss, ForwardKlOfHalvesAndQuarters) {
  Floats dz(3, 0.0f);
  // 1/2 ln 2 + 1/4 ln 1/2 + 0
  EXPECT_NEAR(forward_kl(kStudent, kTeacher, 1, 1, dz), 0.25 * std::log(2.0), 1e-6);
  EXPECT_NEAR(dz[0], -0.25, 1e-6);
  EXPECT_NEAR(dz[1], 0.25, 1e-6);
  EXPECT_NEAR(dz[2], 0, 1e-6);
}

TEST(DistillLoss, ReverseKlOfHalvesAndQuarters) {
  Floats dz(3, 0.0f);
  const double kl = 0.25 * std::log(0.5) + 0.5 * std::log(2.0);
  EXPECT_NEAR(reverse_kl(kStudent, kTeacher, 1, 1, dz), kl, 1e-6);
  EXPECT_NEAR(dz[0], 0.25 * (std::log(0.5) - kl), 1e-6);
  EXPECT_NEAR(dz[1], 0.5 * (std::log(2.0) - kl), 1e-6);
  EXPECT_NEAR(dz[2], 0.25 * (0 - kl), 1e-6);
}

TEST(DistillLoss, JsdOfHalvesAndQuartersIsSymmetricAtOneHalf) {
  Floats dz(3, 0.0f), ignored(3, 0.0f);
  // m = 3/8, 3/8, 1/4; each half: 1/2 ln 4/3 + 1/4 ln 2/3
  const double half = 0.5 * std::log(4.0 / 3) + 0.25 * std::log(2.0 / 3);
  EXPECT_NEAR(generalized_jsd(kStudent, kTeacher, 0.5f, 1, 1, dz), half, 1e-6);
  EXPECT_NEAR(generalized_jsd(kTeacher, kStudent, 0.5f, 1, 1, ignored), half, 1e-6);
  EXPECT_NEAR(dz[0], 0.5 * 0.25 * (std::log(2.0 / 3) - half), 1e-6);
}

TEST(DistillLoss, JsdEndsAreTheTwoKls) {
  for (const float beta : {0.0f, 1.0f}) {
    Floats a(3, 0.0f), b(3, 0.0f);
    const double jsd = generalized_jsd(kStudent, kTeacher, beta, 2, 1, a);
    const double kl = beta == 0 ? forward_kl(kStudent, kTeacher, 2, 1, b)
                                : reverse_kl(kStudent, kTeacher, 2, 1, b);
    EXPECT_EQ(jsd, kl);
    EXPECT_EQ(a, b);
  }
}

TEST(DistillLoss, DerivativesAreThoseOfCentralDifferences) {
  const Floats z = random_row(11, 1, 1.5f), t = random_row(11, 2, 1.5f);
  for (const float tau : {0.5f, 1.0f, 2.0f}) {
    expect_derivative([&](auto x, auto dx) { return forward_kl(x, t, tau, 1, dx); }, z);
    expect_derivative([&](auto x, auto dx) { return reverse_kl(x, t, tau, 1, dx); }, z);
    for (const float beta : {0.1f, 0.5f, 0.9f})
      expect_derivative([&](auto x, auto dx) { return generalized_jsd(x, t, beta, tau, 1, dx); },
                        z);
    std::vector<int32_t> ids(4);
    Floats logp(4);
    const float rest = take_top_k(t, tau, ids, logp);
    expect_derivative(
        [&](auto x, auto dx) {
          return top_k_kl(x, {ids, logp, rest}, tau, 1, dx);
        },
        z);
  }
  expect_derivative([&](auto x, auto dx) { return hard_label(x, 3, 1, dx); }, z);
}

TEST(DistillLoss, ScaleIsInTheDerivativeAloneAndItAdds) {
  Floats dz(3, 1.0f);
  const double loss = forward_kl(kStudent, kTeacher, 1, 4, dz);
  EXPECT_NEAR(loss, 0.25 * std::log(2.0), 1e-6);
  EXPECT_NEAR(dz[0], 1 - 4 * 0.25, 1e-6);
}

TEST(DistillLoss, TopKKeepsTheLikeliestAndTheMassOfTheRest) {
  const Floats t = logs({0.1, 0.4, 0.2, 0.3});
  std::vector<int32_t> ids(2);
  Floats logp(2);
  EXPECT_NEAR(take_top_k(t, 1, ids, logp), 0.3, 1e-6);
  EXPECT_EQ(ids, (std::vector<int32_t>{1, 3}));
  EXPECT_NEAR(std::exp(logp[0]), 0.4, 1e-6);
  // student uniform: 0.4 ln 1.6 + 0.3 ln 1.2 + 0.3 ln 0.6
  const Floats z(4, 0.0f);
  Floats dz(4, 0.0f);
  EXPECT_NEAR(top_k_kl(z, {ids, logp, 0.3f}, 1, 1, dz),
              0.4 * std::log(1.6) + 0.3 * std::log(1.2) + 0.3 * std::log(0.6), 1e-6);
  EXPECT_NEAR(dz[1], 0.25 - 0.4, 1e-6);
  EXPECT_NEAR(dz[0], 0.25 * (1 - 0.3 / 0.5), 1e-6);
}

TEST(DistillLoss, AllTokensKeptIsTheForwardKl) {
  const Floats z = random_row(9, 3, 1), t = random_row(9, 4, 1);
  std::vector<int32_t> ids(9);
  Floats logp(9), a(9, 0.0f), b(9, 0.0f);
  const float rest = take_top_k(t, 1, ids, logp);
  EXPECT_EQ(rest, 0.0f);
  EXPECT_NEAR(top_k_kl(z, {ids, logp, rest}, 1, 1, a), forward_kl(z, t, 1, 1, b), 1e-6);
  for (size_t v = 0; v < 9; ++v) EXPECT_NEAR(a[v], b[v], 1e-6);
}

TEST(DistillLoss, PolicyGradientOfOneTokenByHand) {
  const Floats logp = logs({0.5}), teacher = logs({0.25}), weight = {2.0f};
  Floats dlogp(1);
  // A = ln 1/2, ratio 1: loss = 2 ln 2, derivative 2 ln 2
  EXPECT_NEAR(policy_distillation(logp, logp, teacher, weight, 0.2f, dlogp), 2 * std::log(2.0),
              1e-6);
  EXPECT_NEAR(dlogp[0], 2 * std::log(2.0), 1e-6);
  // the policy has moved beyond the clip, away from what the teacher likes less
  const Floats moved = logs({0.3});
  EXPECT_NEAR(policy_distillation(moved, logp, teacher, weight, 0.2f, dlogp),
              -2 * 0.8 * std::log(0.5), 1e-5);
  EXPECT_EQ(dlogp[0], 0.0f);
}

/// E_q[∇ ln q(y) · (ln q(y) − ln p(y))] is the gradient of KL(q ‖ p).
TEST(DistillLoss, PolicyGradientIsTheReverseKlsOnAverage) {
  const Floats z = random_row(6, 5, 1), t = random_row(6, 6, 1);
  Floats exact(6, 0.0f);
  reverse_kl(z, t, 1, 1, exact);
  double sum_z = 0, sum_t = 0;
  for (size_t v = 0; v < 6; ++v) sum_z += std::exp(z[v]), sum_t += std::exp(t[v]);
  std::vector<double> mean(6, 0.0);
  for (size_t y = 0; y < 6; ++y) {
    const Floats logp = {static_cast<float>(z[y] - std::log(sum_z))};
    const Floats teacher = {static_cast<float>(t[y] - std::log(sum_t))};
    Floats dlogp(1);
    policy_distillation(logp, logp, teacher, Floats{1.0f}, 0.2f, dlogp);
    for (size_t v = 0; v < 6; ++v) {
      const double dlogp_dz = (v == y ? 1.0 : 0.0) - std::exp(z[v]) / sum_z;
      mean[v] += std::exp(logp[0]) * dlogp[0] * dlogp_dz;
    }
  }
  for (size_t v = 0; v < 6; ++v) EXPECT_NEAR(mean[v], exact[v], 1e-6);
}

TEST(DistillLoss, FeatureLossesByHandAndByDifferences) {
  const Floats y = {1, 0}, h = {0, 2};
  Floats dy(2);
  EXPECT_DOUBLE_EQ(feature_loss(FeatureLoss::kMse, y, h, 1, dy), 2.5);
  EXPECT_FLOAT_EQ(dy[0], 1.0f);
  EXPECT_FLOAT_EQ(dy[1], -2.0f);
  EXPECT_NEAR(feature_loss(FeatureLoss::kCosine, y, h, 1, dy), 1, 1e-6);
  EXPECT_NEAR(dy[0], 0, 1e-6);
  EXPECT_NEAR(dy[1], -1, 1e-6);
  const Floats a = random_row(5, 8, 1), b = random_row(5, 9, 1);
  for (const FeatureLoss kind : {FeatureLoss::kMse, FeatureLoss::kCosine})
    expect_derivative([&](auto x, auto dx) { return feature_loss(kind, x, b, 1, dx); }, a);
}

TEST(DistillLoss, LogitsThatDifferByThousandsStayFinite) {
  const Floats z = {3000, -3000, 0}, t = {-3000, 3000, 0};
  Floats dz(3, 0.0f);
  EXPECT_TRUE(std::isfinite(forward_kl(z, t, 1, 1, dz)));
  EXPECT_TRUE(std::isfinite(reverse_kl(z, t, 1, 1, dz)));
  EXPECT_TRUE(std::isfinite(generalized_jsd(z, t, 0.5f, 1, 1, dz)));
  std::vector<int32_t> ids(1);
  Floats logp(1);
  const float rest = take_top_k(t, 1, ids, logp);
  EXPECT_TRUE(std::isfinite(top_k_kl(z, {ids, logp, rest}, 1, 1, dz)));
  for (const float d : dz) EXPECT_TRUE(std::isfinite(d));
}

}  // namespace
}  // namespace r1
