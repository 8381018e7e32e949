// Even use of experts: the loss by hand and its gradient in double, and the counts that a backward
// pass leaves.
#include "nn/expert_tally.h"

#include <cmath>

#include "nn/fixtures.h"

namespace r1 {
namespace {

constexpr int64_t E = 4, K = 2;

Routing routing_of(Routing::Scoring scoring) {
  return {.n_experts = E, .top_k = K, .scoring = scoring, .norm_topk_prob = true};
}

BatchView batch_of(const std::vector<int32_t>& offsets) {
  return {offsets.back(), std::ssize(offsets) - 1, offsets.data(), nullptr};
}

/// L of eqs. 17-20 in double, with the choice of experts held fixed.
double loss_of(const Doubles& logits, const std::vector<int32_t>& chosen, const BalanceLoss& loss,
               const std::vector<int32_t>& offsets, bool sigmoid) {
  std::vector<int32_t> ends = offsets;
  if (!loss.per_sequence) ends = {0, offsets.back()};
  double sum = 0;
  for (size_t b = 0; b + 1 < ends.size(); ++b) {
    const double T = ends[b + 1] - ends[b];
    if (T == 0) continue;
    for (int64_t e = 0; e < E; ++e) {
      double f = 0, P = 0;
      for (int64_t n = ends[b]; n < ends[b + 1]; ++n) {
        for (int64_t k = 0; k < K; ++k) f += chosen[n * K + k] == e;
        double all = 0, own = 0;
        for (int64_t j = 0; j < E; ++j) {
          const double z = logits[n * E + j], s = sigmoid ? 1 / (1 + std::exp(-z)) : std::exp(z);
          all += s;
          if (j == e) own = s;
        }
        P += own / all / T;
      }
      sum += loss.alpha * T / loss.n_rows * f * E / (K * T) * P;
    }
  }
  return sum;
}

TEST(BalanceLoss, IsAlphaWhereUseIsEvenAndMoreWhereNot) {
  Bench bench;
  const Routing r = routing_of(Routing::Scoring::kSigmoid);
  const BalanceLoss loss{.alpha = 0.5, .n_rows = 4};
  const std::vector<int32_t> offsets{0, 4};
  const auto value = [&](const Floats& logits) {
    const Routes routes = route(bench.ctx, r, bench.put(logits, 4), Tensor());
    return balance_loss(bench.ctx, routes, loss, batch_of(offsets), bench.arena.f32({4, E}));
  };
  // Scores (σ(50), σ(50), 0, 0) and the like: s' = 1/2 for the two chosen.
  const float hi = 50, lo = -50;
  EXPECT_NEAR(value({hi, hi, lo, lo, lo, lo, hi, hi, hi, hi, lo, lo, lo, lo, hi, hi}), 0.5, 1e-6);
  EXPECT_NEAR(value({hi, hi, lo, lo, hi, hi, lo, lo, hi, hi, lo, lo, hi, hi, lo, lo}), 1.0, 1e-6);
}

TEST(BalanceLoss, GradientEqualsCentralDifferences) {
  const std::vector<int32_t> offsets{0, 3, 3, 7};  // one sequence is empty
  const Floats logits = normals(7 * E, 1);
  for (auto scoring : {Routing::Scoring::kSigmoid, Routing::Scoring::kSoftmax}) {
    for (bool per_sequence : {true, false}) {
      Bench bench;
      const Routing r = routing_of(scoring);
      const BalanceLoss loss{.alpha = 0.7, .per_sequence = per_sequence, .n_rows = 9};
      const Routes routes = route(bench.ctx, r, bench.put(logits, 7), Tensor());
      const std::vector<int32_t> chosen(routes.experts.i32(), routes.experts.i32() + 7 * K);
      Tensor dscores = bench.arena.f32({7, E});
      const auto at = [&](const Doubles& x) {
        return loss_of(x, chosen, loss, offsets, scoring == Routing::Scoring::kSigmoid);
      };
      EXPECT_NEAR(balance_loss(bench.ctx, routes, loss, batch_of(offsets), dscores),
                  at(widened(logits)), 1e-6);
      Tensor none = bench.put(Floats(7 * K, 0.0f), 7);
      const Tensor d = route_backward(bench.ctx, r, routes, none, dscores);
      expect_near_all(floats_of(d), central_differences(logits, at), 2e-6);
    }
  }
}

TEST(BalanceLoss, SharesOfMicroBatchesAddUp) {
  Bench bench;
  const Routing r = routing_of(Routing::Scoring::kSigmoid);
  const Floats logits = normals(7 * E, 2);
  const BalanceLoss loss{.alpha = 0.7, .n_rows = 7};
  const auto run = [&](int64_t begin, int64_t end, const std::vector<int32_t>& offsets,
                       Floats& gradient) {
    const Tensor z =
        bench.put({&logits[begin * E], &logits[begin * E] + (end - begin) * E}, end - begin);
    Tensor dscores = bench.arena.f32({end - begin, E});
    const double value =
        balance_loss(bench.ctx, route(bench.ctx, r, z, Tensor()), loss, batch_of(offsets), dscores);
    gradient = joined({gradient, floats_of(dscores)});
    return value;
  };
  Floats whole, parts;
  const double all = run(0, 7, {0, 3, 7}, whole);
  EXPECT_NEAR(run(0, 3, {0, 3}, parts) + run(3, 7, {0, 4}, parts), all, 1e-12);
  EXPECT_TRUE(equal_bits(whole, parts));
}

TEST(ExpertTally, CountsRowsOverMicroBatchesAndStartsAgain) {
  Bench bench;
  ExpertTally tally;
  const Routing r{.n_experts = 3, .top_k = 1};
  for (const Floats& logits : {Floats{1, 0, 0, 0, 1, 0}, Floats{1, 0, 0, 2, 0, 0, 0, 3, 0}}) {
    const Routes routes = route(bench.ctx, r, bench.put(logits, std::ssize(logits) / 3), Tensor());
    EXPECT_TRUE(tally.add(bench.ctx, 1, routes).empty());
  }
  ASSERT_EQ(tally.layers.size(), 2u);
  EXPECT_EQ(tally.layers[1].loads, (std::vector<int64_t>{3, 2, 0}));
  tally.end_step();
  EXPECT_EQ(tally.last[1].loads, (std::vector<int64_t>{3, 2, 0}));
  EXPECT_TRUE(tally.layers.empty());
}

}  // namespace
}  // namespace r1
