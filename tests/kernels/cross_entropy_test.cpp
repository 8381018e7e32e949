#include "kernels/cross_entropy.h"

#include <cmath>
#include <limits>

#include "kernels/columns_case.h"

namespace r1 {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

struct Case {
  int64_t N, V;
  Floats logits, inverse_temperature, dlogp, dentropy;
  std::vector<int32_t> targets;

  Case(int64_t n_rows, int64_t vocab, float scale = 3.0f)
      : N(n_rows),
        V(vocab),
        logits(normals(N * V, 1, scale)),
        inverse_temperature(N),
        dlogp(normals(N, 2)),
        dentropy(normals(N, 3)),
        targets(N) {
    for (int64_t n = 0; n < N; ++n) {
      inverse_temperature[n] = n % 2 == 0 ? 1.0f : 1.0f / 0.6f;
      targets[n] = static_cast<int32_t>((n * 31 + 5) % V);
    }
  }

  /// logp, entropy, lse, dlogits
  std::vector<Floats> run(const Launch& launch) {
    Floats logp(N), entropy(N), lse(N), l = logits;
    cross_entropy_forward(launch, row_vector(logp), row_vector(entropy), row_vector(lse),
                          matrix(l, N), targets.data(), inverse_temperature.data());
    cross_entropy_backward(launch, matrix(l, N), targets.data(), inverse_temperature.data(),
                           row_vector(lse), row_vector(entropy), row_vector(dlogp),
                           row_vector(dentropy));
    return {logp, entropy, lse, l};
  }
  Floats flat(const Launch& launch) {
    const auto out = run(launch);
    return joined({out[0], out[1], out[2], out[3]});
  }

  /// Σ dlogp · logp + dentropy · entropy in double.
  double objective(const std::vector<double>& l) const {
    double sum = 0;
    for (int64_t n = 0; n < N; ++n) {
      const double t = inverse_temperature[n];
      double total = 0, entropy = 0;
      for (int64_t i = 0; i < V; ++i) total += std::exp(l[n * V + i] * t);
      for (int64_t i = 0; i < V; ++i) {
        const double logp = l[n * V + i] * t - std::log(total);
        entropy -= std::exp(logp) * logp;
        if (i == targets[n]) sum += dlogp[n] * logp;
      }
      sum += dentropy[n] * entropy;
    }
    return sum;
  }
};

TEST(CrossEntropy, EqualLogitsGiveLogOfTheVocabulary) {
  for (Backend backend : available_backends()) {
    for (int64_t V : {1, 2, 69, 1000}) {
      Case c(2, V);
      c.logits.assign(2 * V, -4.5f);
      const auto out = c.run({backend, test_pool(1)});
      EXPECT_NEAR(out[0][0], -std::log(static_cast<double>(V)), 1e-6);
      EXPECT_NEAR(out[1][1], std::log(static_cast<double>(V)), 1e-6);
    }
  }
}

TEST(CrossEntropy, TwoLogitsGiveTheLogisticFunction) {
  for (Backend backend : available_backends()) {
    Case c(1, 2);
    c.logits = {1.0f, 3.0f};
    c.targets = {0};
    c.dlogp = {1.0f};
    c.dentropy = {0.0f};
    const auto out = c.run({backend, test_pool(1)});
    const double p = 1 / (1 + std::exp(2.0));
    EXPECT_NEAR(out[0][0], std::log(p), 1e-6);
    EXPECT_NEAR(out[1][0], -p * std::log(p) - (1 - p) * std::log(1 - p), 1e-6);
    EXPECT_NEAR(out[2][0], std::log(std::exp(1.0) + std::exp(3.0)), 1e-6);
    EXPECT_NEAR(out[3][0], 1 - p, 1e-6);
    EXPECT_NEAR(out[3][1], -(1 - p), 1e-6);
  }
}

TEST(CrossEntropy, TemperatureDividesTheLogits) {
  for (Backend backend : available_backends()) {
    Case hot(1, 50), scaled(1, 50);
    hot.inverse_temperature = {0.5f};
    for (float& l : scaled.logits) l *= 0.5f;
    EXPECT_EQ(hot.run({backend, test_pool(1)})[0], scaled.run({backend, test_pool(1)})[0]);
  }
}

TEST(CrossEntropy, MaskedLogitsHaveNoMassAndNoGradient) {
  for (Backend backend : available_backends()) {
    Case c(1, 40), bare(1, 39);
    c.targets = bare.targets = {4};
    c.dlogp = bare.dlogp;
    c.dentropy = bare.dentropy;
    c.logits.assign(bare.logits.begin(), bare.logits.end());
    c.logits.push_back(-kInf);
    const auto masked = c.run({backend, test_pool(1)}), without = bare.run({backend, test_pool(1)});
    for (int i : {0, 1, 2}) EXPECT_TRUE(equal_bits(masked[i], without[i]));
    EXPECT_EQ(masked[3][39], 0.0f);
  }
}

TEST(CrossEntropy, SurvivesLogitsFarApart) {
  for (Backend backend : available_backends()) {
    Case c(1, 33);
    c.logits.assign(33, -3e4f);
    c.logits[20] = 3e4f;
    c.targets = {20};
    c.inverse_temperature = {1.0f};
    const auto out = c.run({backend, test_pool(1)});
    EXPECT_EQ(out[0][0], 0.0f);
    EXPECT_EQ(out[1][0], 0.0f);
    EXPECT_EQ(out[3], Floats(33, 0.0f));
  }
}

TEST(CrossEntropy, EveryColumnHasTheBitsOfTheReference) {
  for (int64_t V = 1; V <= 200; V += (V < 70 ? 1 : 2)) {
    Case c(3, V);
    expect_same_bits_everywhere("V " + std::to_string(V),
                                [&](auto& launch) { return c.flat(launch); });
  }
  for (float scale : {0.01f, 30.0f, 300.0f}) {
    Case c(5, 5003, scale);
    expect_same_bits_everywhere("V 5003", [&](auto& launch) { return c.flat(launch); });
  }
}

TEST(CrossEntropy, ARowAloneHasTheBitsItHasInABatch) {
  for (Backend backend : available_backends()) {
    Case batch(9, 517), alone(1, 517);
    const auto all = batch.run({backend, test_pool(3)});
    const int64_t n = 6;
    alone.logits.assign(batch.logits.begin() + n * 517, batch.logits.begin() + (n + 1) * 517);
    alone.targets = {batch.targets[n]};
    alone.dlogp = {batch.dlogp[n]};
    alone.dentropy = {batch.dentropy[n]};
    const auto one = alone.run({backend, test_pool(1)});
    for (int i : {0, 1, 2}) EXPECT_TRUE(equal_bits(one[i], {all[i][n]}));
    const auto first = all[3].begin() + n * 517;
    EXPECT_TRUE(equal_bits(one[3], Floats(first, first + 517)));
  }
}

TEST(CrossEntropy, GradientsOfLogpAndEntropyMatchCentralDifferences) {
  for (Backend backend : available_backends()) {
    Case c(4, 19, 2.0f);
    const auto out = c.run({backend, test_pool(1)});
    expect_near_all(out[3],
                    central_differences(c.logits, [&](auto& at) { return c.objective(at); }), 3e-6);
  }
}

}  // namespace
}  // namespace r1
