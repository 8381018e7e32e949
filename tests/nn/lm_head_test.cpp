#include "nn/lm_head.h"

#include <algorithm>
#include <cmath>

#include "nn/double_llama.h"
#include "nn/fixtures.h"

namespace r1 {
namespace {

constexpr int64_t C = 4, V = 11;
constexpr float kInverse = 1.25f;

/// n loss rows, the odd ones of 2 n: with n = 300 they need two chunks.
struct HeadCase {
  int64_t n;
  Floats h, dlogp, dentropy;
  std::vector<int32_t> rows, targets;
  std::vector<std::vector<int32_t>> kept;  // of each loss row; none: no restriction
  std::vector<const std::vector<int32_t>*> views;

  explicit HeadCase(int64_t n_loss)
      : n(n_loss), h(normals(2 * n * C, 1)), dlogp(normals(n, 2)), dentropy(normals(n, 3)) {
    for (int64_t i = 0; i < n; ++i) {
      rows.push_back(static_cast<int32_t>(2 * i + 1));
      targets.push_back(static_cast<int32_t>((7 * i + 3) % V));
    }
  }
  LossRows loss() const {
    LossRows loss{rows, targets, kInverse};
    loss.kept = views;
    return loss;
  }
  /// Every third row among all tokens, the others among their target and a few more.
  void restrict_tokens() {
    kept.resize(n);
    for (int64_t i = 0; i < n; ++i) {
      for (int32_t token = 0; token < V && i % 3 != 0; ++token) {
        if (token == targets[i] || (token + i) % 4 == 0) kept[i].push_back(token);
      }
    }
    for (int64_t i = 0; i < n; ++i) views.push_back(i % 6 == 0 ? nullptr : &kept[i]);
  }
};

struct HeadRun {
  Floats logp, entropy, dh;
  std::map<std::string, Floats> gradients;
  Values values;
};

HeadRun run_head(const HeadCase& c, const Launch& launch = best_launch()) {
  Bench bench(launch);
  LmHead head;
  head.norm.shape(C, 1e-5f);
  head.projection.shape(V, C);
  Home home;
  home.add("norm", head.norm);
  home.add("projection", head.projection);
  home.build(launch);
  Tensor h = bench.put(c.h, 2 * c.n), dh = bench.put(c.h, 2 * c.n);  // dh: rubbish, overwritten
  const TokenScores scores = head.score(bench.ctx, h, c.loss());
  Floats dlogp = c.dlogp, dentropy = c.dentropy;
  head.backward(bench.ctx, dh, h, c.loss(), scores, row_vector(dlogp), row_vector(dentropy));
  return {floats_of(scores.logp), floats_of(scores.entropy), floats_of(dh), home.gradients(),
          home.values()};
}

/// (logp, entropy) of loss row i, in double.
std::pair<double, double> score_in_double(const HeadCase& c, const Values& v, int64_t i) {
  const Doubles& h = v.at("h");
  const Doubles row(h.begin() + c.rows[i] * C, h.begin() + (c.rows[i] + 1) * C);
  Doubles z =
      in_double::linear(in_double::rmsnorm(row, v.at("norm"), 1e-5f), v.at("projection"), C);
  double sum = 0, mean = 0;
  const auto counts = [&](size_t token) {
    const bool all = c.kept.empty() || c.kept[i].empty();
    return all || std::count(c.kept[i].begin(), c.kept[i].end(), static_cast<int32_t>(token)) > 0;
  };
  for (size_t v = 0; v < z.size(); ++v) z[v] *= kInverse, sum += counts(v) ? std::exp(z[v]) : 0.0;
  for (size_t v = 0; v < z.size(); ++v) mean += counts(v) ? std::exp(z[v]) / sum * z[v] : 0.0;
  return {z[c.targets[i]] - std::log(sum), std::log(sum) - mean};
}

void expect_definition(const HeadCase& c) {
  HeadRun run = run_head(c);
  Values at = run.values;
  at["h"] = widened(c.h);
  for (int64_t i : {int64_t{0}, int64_t{255}, int64_t{256}, int64_t{299}}) {
    const auto [logp, entropy] = score_in_double(c, at, i);
    EXPECT_NEAR(run.logp[i], logp, 1e-5);
    EXPECT_NEAR(run.entropy[i], entropy, 1e-5);
  }
  run.gradients["h"] = run.dh;
  expect_gradients(
      at, run.gradients,
      [&](const Values& v) {
        double loss = 0;
        for (int64_t i = 0; i < c.n; ++i) {
          const auto [logp, entropy] = score_in_double(c, v, i);
          loss += c.dlogp[i] * logp + c.dentropy[i] * entropy;
        }
        return loss;
      },
      1e-4);
}

TEST(LmHead, ScoresAndGradientsEqualTheirDefinitionAcrossChunks) {
  expect_definition(HeadCase(300));
}

TEST(LmHead, ARowsDistributionMayBeRestrictedToSomeTokens) {
  HeadCase c(300);
  c.restrict_tokens();
  expect_definition(c);
}

TEST(LmHead, RowsWithoutLossHaveNoGradient) {
  const HeadRun run = run_head(HeadCase(5));
  for (int64_t row = 0; row < 10; row += 2) {
    for (int64_t i = 0; i < C; ++i) EXPECT_EQ(run.dh[row * C + i], 0.0f);
  }
}

TEST(LmHead, ARowScoresTheSameInAnyChunk) {
  const HeadRun many = run_head(HeadCase(300));
  Bench bench;
  HeadCase one(300);
  one.rows = {one.rows[270]};
  one.targets = {one.targets[270]};
  LmHead head;
  head.norm.shape(C, 1e-5f);
  head.projection.shape(V, C);
  Home home;
  home.add("norm", head.norm);
  home.add("projection", head.projection);
  home.build(bench.ctx.launch);
  const TokenScores scores = head.score(bench.ctx, bench.put(one.h, 600), one.loss());
  EXPECT_EQ(scores.logp.f32()[0], many.logp[270]);
  EXPECT_EQ(scores.entropy.f32()[0], many.entropy[270]);
}

TEST(LmHead, GivesTheSameBitsOnEveryBackendAndThreadCount) {
  const HeadCase c(300);
  expect_same_bits_everywhere("head", [&](const Launch& launch) {
    HeadRun run = run_head(c, launch);
    return joined(
        {run.logp, run.entropy, run.dh, run.gradients["norm"], run.gradients["projection"]});
  });
}

}  // namespace
}  // namespace r1
