// The gradient of a score's loss through the whole model, against central differences.
#include <gtest/gtest.h>

#include "models/tiny_model.h"
#include "nn/fixtures.h"
#include "train/learner.h"
#include "train/preference_loss.h"

namespace r1 {
namespace {

using Tokens = std::vector<int32_t>;

ModelConfig scorer_shape() {
  ModelConfig c = tiny_config();
  c.n_labels = 1;
  return c;
}

const std::vector<Tokens>& pair_of_pairs() {
  static const std::vector<Tokens> all = {{3, 9, 27, 12}, {5}, {8, 1, 44}, {60, 2, 2, 31, 7}};
  return all;
}

double loss_of(Learner& learner, bool learn) {
  std::vector<const Tokens*> sequences;
  for (const Tokens& tokens : pair_of_pairs()) sequences.push_back(&tokens);
  const std::vector<float> margin{0.0f, 0.5f};
  double loss = 0;
  const auto objective = [&](const ScoreView& v) {
    loss = bradley_terry(v.score.first(2), v.score.subspan(2), margin, 0.1, 2.0, v.dscore.first(2),
                         v.dscore.subspan(2));
  };
  EXPECT_TRUE(learner.accumulate(ScoreBatch(sequences), objective));
  if (!learn) learner.model().store().zero_grads();
  return loss;
}

TEST(ScoreGradient, MatchesCentralDifferences) {
  const auto model = random_model(scorer_shape(), Dtype::kF32, best_launch());
  Learner learner(*model, {}, Dtype::kF32, false, best_launch());
  loss_of(learner, true);
  std::vector<std::pair<Parameter*, std::vector<float>>> grads;
  for (Parameter* p : model->store().parameters()) {
    grads.push_back({p, {p->grad.f32(), p->grad.f32() + p->numel()}});
  }
  model->store().zero_grads();
  for (auto& [p, grad] : grads) {
    // along the gradient's own direction the slope is its length
    double length = 0;
    for (float g : grad) length += static_cast<double>(g) * g;
    length = std::sqrt(length);
    if (length < 1e-4) continue;
    const double step = 2e-3;
    const std::vector<float> before(p->master.f32(), p->master.f32() + p->numel());
    const auto at = [&](double t) {
      for (size_t i = 0; i < grad.size(); ++i) {
        p->master.f32()[i] = static_cast<float>(before[i] + t * grad[i] / length);
      }
      model->refresh(best_launch());
      return loss_of(learner, false);
    };
    const double slope = (at(step) - at(-step)) / (2 * step);
    at(0);
    EXPECT_NEAR(slope, length, 0.01 * length + 2e-4) << p->name;
  }
}

TEST(ScoreGradient, IsTheSameRecomputed) {
  std::vector<float> first;
  for (const bool recompute : {false, true}) {
    const auto model = random_model(scorer_shape(), Dtype::kF32, best_launch());
    Learner learner(*model, {}, Dtype::kF32, recompute, best_launch());
    loss_of(learner, true);
    const Tensor g = model->store().grads();
    const std::vector<float> grads(g.f32(), g.f32() + model->store().numel());
    if (first.empty()) first = grads;
    EXPECT_TRUE(equal_bits(grads, first));
  }
}

TEST(ScoreGradient, RefusesScoresThatAreNotFinite) {
  const auto model = random_model(scorer_shape(), Dtype::kF32, best_launch());
  for (Parameter* p : model->store().parameters()) {
    if (p->name == "score.weight") p->master.f32()[0] = INFINITY;
  }
  model->refresh(best_launch());
  Learner learner(*model, {}, Dtype::kF32, false, best_launch());
  const Tokens tokens{1, 2};
  const Tokens* one = &tokens;
  const auto done = learner.accumulate(ScoreBatch({&one, 1}), [](const ScoreView&) { FAIL(); });
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("score of sequence 0 is not finite"), std::string::npos);
}

}  // namespace
}  // namespace r1
