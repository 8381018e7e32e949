// The choice of experts: by hand for small cases, and the gradient of its weights.
#include "nn/router.h"

#include <cmath>

#include "nn/fixtures.h"

namespace r1 {
namespace {

struct Chosen {
  std::vector<int32_t> experts;
  Floats weights;
};

Chosen route_one(const Routing& routing, const Floats& logits, const Floats& bias = {}) {
  Bench bench;
  const Tensor b = bias.empty() ? Tensor() : bench.put(bias, 1);
  const Routes to = route(bench.ctx, routing, bench.put(logits, 1), b);
  return {{to.experts.i32(), to.experts.i32() + routing.top_k}, floats_of(to.weights)};
}

Floats logits_of(const Floats& probabilities) {
  Floats z;
  for (float p : probabilities) z.push_back(std::log(p / (1 - p)));
  return z;
}

TEST(Router, SoftmaxKeepsTheLargestAndDoesNotRenormalise) {
  const Routing r{.n_experts = 4, .top_k = 2};
  const Floats p{0.1f, 0.4f, 0.2f, 0.3f};
  const Chosen c = route_one(r, {std::log(p[0]), std::log(p[1]), std::log(p[2]), std::log(p[3])});
  EXPECT_EQ(c.experts, (std::vector<int32_t>{1, 3}));
  EXPECT_NEAR(c.weights[0], 0.4, 1e-6);
  EXPECT_NEAR(c.weights[1], 0.3, 1e-6);
}

TEST(Router, TheBiasChoosesButDoesNotWeigh) {
  const Routing r{.n_experts = 3,
                  .top_k = 2,
                  .scoring = Routing::Scoring::kSigmoid,
                  .norm_topk_prob = true,
                  .routed_scaling_factor = 2.5f};
  const Chosen c = route_one(r, logits_of({0.9f, 0.5f, 0.2f}), {-5, 0, 0});
  EXPECT_EQ(c.experts, (std::vector<int32_t>{1, 2}));
  EXPECT_NEAR(c.weights[0], 2.5 * 0.5 / 0.7, 1e-5);
  EXPECT_NEAR(c.weights[1], 2.5 * 0.2 / 0.7, 1e-5);
}

TEST(Router, GroupsAreRankedByTheirBestOrTheirBestTwo) {
  Routing r{.n_experts = 4, .top_k = 1, .scoring = Routing::Scoring::kSigmoid, .n_group = 2};
  r.topk_group = 1;
  const Floats logits = logits_of({0.9f, 0.1f, 0.6f, 0.7f});
  EXPECT_EQ(route_one(r, logits).experts[0], 0);  // 0.9 > 0.7
  r.group_score = Routing::GroupScore::kTopTwo;
  EXPECT_EQ(route_one(r, logits).experts[0], 3);  // 0.9 + 0.1 < 0.6 + 0.7
}

TEST(Router, ARefusedGroupIsNeverChosenHoweverNegativeTheOthers) {
  Routing r{.n_experts = 4, .top_k = 2, .scoring = Routing::Scoring::kSigmoid, .n_group = 2};
  r.group_score = Routing::GroupScore::kTopTwo;
  const Chosen c = route_one(r, logits_of({0.9f, 0.8f, 0.1f, 0.1f}), {-3, -3, -4, -4});
  EXPECT_EQ(c.experts, (std::vector<int32_t>{0, 1}));
}

TEST(Router, OfEqualsTheLowestNumberWins) {
  const Routing r{.n_experts = 5, .top_k = 3};
  EXPECT_EQ(route_one(r, {1, 1, 1, 1, 1}).experts, (std::vector<int32_t>{0, 1, 2}));
}

TEST(Router, SlotsAreSortedByExpertThenRow) {
  const Routing r{.n_experts = 3, .top_k = 2};
  Bench bench;
  const Routes to = route(bench.ctx, r, bench.put({3, 2, 1, 1, 2, 3, 3, 1, 2}, 3), Tensor());
  EXPECT_EQ(std::vector<int32_t>(to.offsets.i32(), to.offsets.i32() + 4),
            (std::vector<int32_t>{0, 2, 4, 6}));
  EXPECT_EQ(std::vector<int32_t>(to.rows.i32(), to.rows.i32() + 6),
            (std::vector<int32_t>{0, 2, 0, 1, 1, 2}));
  for (int i = 0; i < 6; ++i) EXPECT_EQ(to.rows.i32()[to.slots.i32()[i]], i / 2);
}

/// Σ_k dw_k weight_k in double, for a choice held fixed.
double weighted(const Routing& r, const Doubles& logits, const std::vector<int32_t>& experts,
                const Floats& dw) {
  Doubles p(logits.size());
  double sum = 0;
  for (size_t e = 0; e < p.size(); ++e) {
    const bool sigmoid = r.scoring == Routing::Scoring::kSigmoid;
    p[e] = sigmoid ? 1 / (1 + std::exp(-logits[e])) : std::exp(logits[e]);
    sum += p[e];
  }
  if (r.scoring == Routing::Scoring::kSoftmax) {
    for (double& x : p) x /= sum;
  }
  double chosen = 0, total = 0;
  for (int32_t e : experts) chosen += p[e];
  for (size_t k = 0; k < experts.size(); ++k) {
    total += dw[k] * p[experts[k]] / (r.norm_topk_prob ? chosen : 1) * r.routed_scaling_factor;
  }
  return total;
}

TEST(Router, WeightsHaveTheGradientOfTheirDefinition) {
  for (auto scoring : {Routing::Scoring::kSoftmax, Routing::Scoring::kSigmoid}) {
    for (bool norm : {false, true}) {
      const Routing r{.n_experts = 5,
                      .top_k = 3,
                      .scoring = scoring,
                      .norm_topk_prob = norm,
                      .routed_scaling_factor = 1.7f};
      const Floats logits{0.3f, -0.8f, 1.1f, 0.1f, -0.2f}, dw{0.7f, -1.3f, 0.4f};
      Bench bench;
      const Routes to = route(bench.ctx, r, bench.put(logits, 1), Tensor());
      const std::vector<int32_t> experts(to.experts.i32(), to.experts.i32() + 3);
      const Tensor d = route_backward(bench.ctx, r, to, bench.put(dw, 1), {});
      expect_near_all(floats_of(d),
                      central_differences(
                          logits, [&](const Doubles& x) { return weighted(r, x, experts, dw); }),
                      2e-5);
    }
  }
}

}  // namespace
}  // namespace r1
