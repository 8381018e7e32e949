// Even use of experts in training: metrics by hand, the bias rule, exact counts however the step is
// split, and a bias that stays put after pretraining.
#include "train/expert_balance.h"

#include "checkpoint/fixtures.h"
#include "models/model_io.h"
#include "nn/fixtures.h"
#include "train/pretrain.h"
#include "train/supervised.h"

namespace r1 {
namespace {

using Layers = std::vector<ExpertTally::Layer>;

ModelConfig tiny_v3() {
  NewModel shape;
  shape.architecture = "deepseek_v3";
  shape.d_model = 32, shape.n_layers = 3, shape.n_heads = 2, shape.d_ff = 48;
  shape.kv_lora_rank = 16, shape.qk_nope_head_dim = 8, shape.v_head_dim = 8;
  shape.n_routed_experts = 4, shape.moe_intermediate_size = 16;
  return *new_model_config(shape, 70, 1, 2);
}

struct Trained {
  std::unique_ptr<Transformer> model;
  std::unique_ptr<Learner> learner;

  explicit Trained(bool recompute = false, int n_threads = 2) {
    model = std::make_unique<Transformer>(tiny_v3(), Dtype::kF32, StoreUse::kTraining);
    model->init(3, 0.0f, 0.3f);
    model->refresh(best_launch(n_threads));
    learner = std::make_unique<Learner>(*model, AdamWConfig{}, Dtype::kF32, recompute,
                                        best_launch(n_threads));
  }
  Floats bias(size_t i) { return floats_of(model->mixtures()[i]->e_score_correction_bias.weight); }
  Layers step(const ExpertBalance& balance, int64_t micro_batch_tokens) {
    std::vector<TokenSequence> sequences(5);
    int64_t n_rows = 0;
    for (size_t i = 0; i < sequences.size(); ++i) {
      const size_t n = 5 + 3 * i;
      for (size_t t = 0; t < n; ++t) {
        sequences[i].tokens.push_back(static_cast<int32_t>((i * 31 + t * t * 7) % 70));
      }
      sequences[i].weights.assign(n, 1.0f);
      n_rows += static_cast<int64_t>(n) - 1;
    }
    balance.begin_step(*learner, n_rows);
    EXPECT_TRUE(accumulate_nll(*learner, sequences, micro_batch_tokens));
    EXPECT_TRUE(learner->step(1e-3f));
    return learner->experts().last;
  }
};

TEST(ExpertBalance, MetricsAreThoseOfTheirDefinitions) {
  const Layers layers{{{30, 10, 0, 0}, 0.25}, {{10, 10, 10, 10}, 0.5}};
  const Metrics m = expert_metrics(layers);
  const Metrics expected{
      {"moe/max_violation", (2.0 + 0.0) / 2},
      {"moe/max_violation_worst", 2.0},
      {"moe/mean_violation", (2.0 + 0.0 + 1.0 + 1.0) / 4 / 2},
      {"moe/entropy",
       ((0.75 * std::log(4 / 3.0) + 0.25 * std::log(4.0)) / std::log(4.0) + 1.0) / 2},
      {"moe/dead_experts", 2},
      {"moe/balance_loss", 0.75}};
  ASSERT_EQ(m.size(), expected.size());
  for (size_t i = 0; i < m.size(); ++i) {
    EXPECT_EQ(m[i].first, expected[i].first);
    EXPECT_NEAR(m[i].second, expected[i].second, 1e-12) << m[i].first;
  }
  EXPECT_TRUE(expert_metrics({}).empty());
  EXPECT_EQ(loads_json(layers), "{\"loads\":[[30,10,0,0],[10,10,10,10]]}");
  EXPECT_EQ(loads_json({}), "");
}

TEST(ExpertBalance, TheBiasFollowsTheSignOfTheLoad) {
  Trained t;
  move_biases(*t.model, {{{30, 10, 20, 20}, 0}, {{1, 0, 0, 0}, 0}}, 0.5f);
  EXPECT_EQ(t.bias(0), (Floats{-0.5f, 0.5f, 0.0f, 0.0f}));
  EXPECT_EQ(t.bias(1), (Floats{-0.5f, 0.5f, 0.5f, 0.5f}));
  move_biases(*t.model, {{{0, 0, 0, 0}, 0}, {{9, 1, 1, 1}, 0}}, 0.0f);
  EXPECT_EQ(t.bias(1), (Floats{-0.5f, 0.5f, 0.5f, 0.5f}));
}

TEST(ExpertBalance, CountsEveryRowOnceHoweverTheStepIsSplitOrRecomputed) {
  BalanceConfig config;
  config.seq_aux_loss_alpha = 0.1;
  Trained whole, split, recomputed(true), one_thread(false, 1);
  const auto balance = ExpertBalance::open(config, *whole.model);
  ASSERT_TRUE(balance);
  const Layers all = whole.step(*balance, 1000);
  ASSERT_EQ(all.size(), 2u);
  int64_t n = 0;
  for (int64_t load : all[0].loads) n += load;
  EXPECT_EQ(n, (4 + 7 + 10 + 13 + 16) * 2);
  EXPECT_GT(all[0].loss, 0.09);
  for (auto& [other, tokens] :
       {std::pair<Trained*, int64_t>{&split, 12}, {&recomputed, 1000}, {&one_thread, 1000}}) {
    const Layers again = other->step(*balance, tokens);
    ASSERT_EQ(again.size(), all.size());
    for (size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(again[i].loads, all[i].loads);
      EXPECT_NEAR(again[i].loss, all[i].loss, 1e-12);
    }
  }
}

TEST(ExpertBalance, TheLossOfASequenceDoesNotDependOnItsNeighboursInAMicroBatch) {
  BalanceConfig config;
  config.balance = "aux_loss";
  config.aux_loss_alpha = 0.5;
  Trained whole, split;
  const auto balance = ExpertBalance::open(config, *whole.model);
  ASSERT_TRUE(balance);
  whole.step(*balance, 1000);
  split.step(*balance, 12);
  const auto weights = [](Trained& t) { return floats_of(t.model->store().masters()); };
  const Floats a = weights(whole), b = weights(split);
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 2e-5) << i;
  EXPECT_EQ(whole.bias(0), Floats(4, 0.0f));  // a loss needs no bias
}

TEST(ExpertBalance, EvensTheLoadsOfASkewedRouter) {
  for (const char* method : {"aux_free", "aux_loss", "none"}) {
    BalanceConfig config;
    config.balance = method;
    config.bias_update_speed = 0.02;
    config.aux_loss_alpha = 1.0;
    Trained t;
    const auto balance = ExpertBalance::open(config, *t.model);
    ASSERT_TRUE(balance);
    // As if training had led here: one expert of each layer is far ahead.
    for (Moe* mixture : t.model->mixtures()) {
      mixture->e_score_correction_bias.weight.f32()[1] = 0.4f;
    }
    double first = 0, last = 0;
    for (int i = 0; i < 60; ++i) {
      const Layers layers = t.step(*balance, 1000);
      last = expert_metrics(layers)[0].second;
      if (i == 0) first = last;
      move_biases(*t.model, layers, balance->bias_speed(0.5));
    }
    if (config.balance == "aux_free") {
      EXPECT_LT(last, first / 2);
    } else if (config.balance == "none") {
      EXPECT_GT(last, first / 2);
    }
  }
}

TEST(ExpertBalance, StopsAtItsShareOfTheRun) {
  Trained t;
  const auto balance = ExpertBalance::open({.bias_update_share = 0.9}, *t.model);
  ASSERT_TRUE(balance);
  EXPECT_EQ(balance->bias_speed(0.1), 0.001f);
  EXPECT_EQ(balance->bias_speed(0.9), 0.001f);
  EXPECT_EQ(balance->bias_speed(0.91), 0.0f);
}

TEST(ExpertBalance, RefusesWhatItCannotDo) {
  Trained t;
  const auto refusal = [&](const BalanceConfig& config) {
    const auto balance = ExpertBalance::open(config, *t.model);
    return balance ? "accepted" : balance.error().message;
  };
  EXPECT_NE(refusal({.balance = "evenly"}).find("balance is 'evenly'"), std::string::npos);
  EXPECT_NE(refusal({.bias_update_speed = -1}).find("bias_update_speed is -1"), std::string::npos);
  EXPECT_NE(refusal({.bias_update_share = 2}).find("bias_update_share is 2"), std::string::npos);
  EXPECT_NE(refusal({.aux_loss_alpha = -1}).find("aux_loss_alpha is -1"), std::string::npos);
  EXPECT_NE(refusal({.aux_loss_scope = "x"}).find("aux_loss_scope is 'x'"), std::string::npos);
}

}  // namespace
}  // namespace r1
