// The trainer computes what the sampler computed, bit for bit; its memory is known beforehand.
#include "train/learner.h"

#include <limits>

#include "engine/engine.h"
#include "models/tiny_model.h"
#include "nn/fixtures.h"
#include "train/memory.h"
#include "train/objectives.h"
#include "train/policy_loss.h"

namespace r1 {
namespace {

constexpr float kTemperature = 0.7f;

struct Sampled {
  TokenSequence sequence;
  Floats logp;
};

std::vector<Sampled> sample(const Transformer& model, Dtype kv_dtype, const EngineConfig& config,
                            const Launch& launch) {
  Engine engine(model, kv_dtype, config, launch);
  const int64_t lengths[] = {1, 63, 64, 65, 128, 20};
  std::vector<Sampled> all(6 * 3);
  for (int64_t i = 0; i < 6; ++i) {
    Request r;
    r.id = i;
    for (int64_t t = 0; t < lengths[i]; ++t)
      r.prompt.push_back(static_cast<int32_t>((t * t + 11 * i) % 69));
    r.streams = {static_cast<uint64_t>(3 * i), static_cast<uint64_t>(3 * i + 1),
                 static_cast<uint64_t>(3 * i + 2)};
    r.params.temperature = kTemperature;
    r.params.top_p = i % 2 ? 0.9f : 1.0f;
    r.max_tokens = 70;
    r.on_done = [&all, prompt = r.prompt](Completed&& c) {
      Sampled& s = all[c.request * 3 + c.sample];
      s.logp = std::move(c.logp);
      s.sequence.tokens = prompt;
      s.sequence.weights.assign(prompt.size(), 0.0f);
      s.sequence.tokens.insert(s.sequence.tokens.end(), c.tokens.begin(), c.tokens.end());
      s.sequence.weights.resize(s.sequence.tokens.size(), 1.0f);
    };
    EXPECT_TRUE(engine.submit(std::move(r)));
  }
  engine.run();
  if (config.n_pages > 0 && config.max_sequences > 1) {
    EXPECT_GT(engine.stats().n_preempted, 0);
  }
  return all;
}

std::vector<const TokenSequence*> views(const std::vector<Sampled>& all, size_t begin, size_t end) {
  std::vector<const TokenSequence*> v;
  for (size_t i = begin; i < end; ++i) v.push_back(&all[i].sequence);
  return v;
}

Floats sampled_logp(const std::vector<Sampled>& all, size_t begin, size_t end) {
  Floats logp;
  for (size_t i = begin; i < end; ++i)
    logp.insert(logp.end(), all[i].logp.begin(), all[i].logp.end());
  return logp;
}

TEST(SamplerAndTrainer, AgreeInEveryBitForEveryScheduleAndPacking) {
  for (Dtype dtype : {Dtype::kF32, Dtype::kBF16}) {
    const auto model = random_model(tiny_config(), dtype, best_launch());
    std::vector<Sampled> first;
    for (const EngineConfig& config :
         {EngineConfig{64, 256, 0, 0}, {1, 5, 4, 0}, {3, 1, 0, 0}, {64, 5, 5, 0}, {3, 256, 4, 0}}) {
      for (int threads : {1, 2}) {
        const auto all = sample(*model, dtype, config, best_launch(threads));
        if (first.empty()) first = all;
        for (size_t i = 0; i < all.size(); ++i) {
          ASSERT_EQ(all[i].sequence.tokens, first[i].sequence.tokens) << i;
          ASSERT_TRUE(equal_bits(all[i].logp, first[i].logp)) << i;
        }
      }
    }
    for (int threads : {1, 2}) {
      Bench bench(best_launch(threads));
      bench.ctx.kv_dtype = dtype;
      for (size_t step : {size_t{1}, size_t{5}, first.size()}) {  // alone, some, all together
        for (size_t i = 0; i < first.size(); i += step) {
          const size_t end = std::min(first.size(), i + step);
          const Floats scored =
              score_batch(*model, Batch(views(first, i, end)), 1.0f / kTemperature, bench.ctx);
          ASSERT_TRUE(equal_bits(scored, sampled_logp(first, i, end))) << i << " of " << step;
        }
      }
    }
  }
}

TEST(SamplerAndTrainer, RatioIsExactlyOneInTheTrainingForward) {
  for (Dtype dtype : {Dtype::kF32, Dtype::kBF16}) {
    const auto model = random_model(tiny_config(), dtype, best_launch());
    const auto all = sample(*model, dtype, {8, 32, 0, 0}, best_launch());
    const Floats old = sampled_logp(all, 0, all.size());
    for (bool recompute : {false, true}) {
      Learner learner(*model, {}, dtype, recompute, best_launch());
      PolicyStats stats;
      const Floats ones(old.size(), 1.0f);
      const auto done = learner.accumulate(
          Batch(views(all, 0, all.size())), 1.0f / kTemperature, [&](const TokenView& t) {
            stats =
                policy_loss({}, {t.logp, t.entropy, old, old, {}, ones, {}}, t.dlogp, t.dentropy);
          });
      ASSERT_TRUE(done) << done.error().message;
      EXPECT_EQ(stats.n_tokens, static_cast<int64_t>(old.size()));
      EXPECT_EQ(stats.ratio_min, 1.0);
      EXPECT_EQ(stats.ratio_max, 1.0);
      EXPECT_EQ(stats.max_logp_difference, 0.0);
    }
  }
}

/// n sequences of `length` rows each, all of them loss rows.
std::vector<TokenSequence> full_sequences(int64_t n, int64_t length) {
  std::vector<TokenSequence> all(n);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t t = 0; t <= length; ++t)
      all[i].tokens.push_back(static_cast<int32_t>((t * t + 7 * i) % 69));
    all[i].weights.assign(length + 1, 1.0f);
  }
  return all;
}

std::vector<const TokenSequence*> views(const std::vector<TokenSequence>& all) {
  std::vector<const TokenSequence*> v;
  for (const auto& s : all) v.push_back(&s);
  return v;
}

/// Minus the mean log-probability.
Objective mean_nll(int64_t n) {
  return [n](const TokenView& t) {
    nll(t.logp, Floats(t.logp.size(), 1.0f), static_cast<double>(n), t.dlogp);
  };
}

int64_t part(const MemoryPlan& plan, const std::string& name) {
  for (const auto& [key, bytes] : plan.parts) {
    if (key == name) return bytes;
  }
  return -1;
}

TEST(MemoryPlan, ActivationsEqualTheRealPeakOfATrainingStep) {
  for (Dtype dtype : {Dtype::kF32, Dtype::kBF16}) {
    for (bool recompute : {false, true}) {
      for (int64_t length : {64, 100}) {
        const auto model = random_model(tiny_config(), dtype, best_launch());
        Learner learner(*model, {}, dtype, recompute, best_launch());
        const auto sequences = full_sequences(400 / length, length);
        ASSERT_TRUE(learner.accumulate(Batch(views(sequences)), 1.0f, mean_nll(400)));
        TrainingArguments args;
        args.micro_batch_tokens = 400;
        args.gradient_checkpointing = recompute;
        const MemoryPlan plan = plan_training(tiny_config(), dtype, dtype, args, length);
        EXPECT_EQ(part(plan, "activations"), static_cast<int64_t>(learner.arena().peak()));
        EXPECT_EQ(part(plan, "weights") + part(plan, "gradients"), model->store().n_bytes());
        EXPECT_EQ(part(plan, "packed weights"), model->panel_bytes());
        EXPECT_EQ(part(plan, "optimizer"), 2 * model->store().numel() * 4);
      }
    }
  }
}

TEST(MemoryPlan, EngineActivationsBoundTheRealPeak) {
  const EngineConfig config{8, 64, 0, 0};
  const auto model = random_model(tiny_config(), Dtype::kF32, best_launch());
  Engine engine(*model, Dtype::kF32, config, best_launch());
  for (int64_t i = 0; i < 12; ++i) {
    Request r;
    r.prompt.assign(100, static_cast<int32_t>(i));
    r.max_tokens = 20;
    ASSERT_TRUE(engine.submit(std::move(r)));
  }
  engine.run();
  const MemoryPlan plan = plan_engine(tiny_config(), Dtype::kF32, Dtype::kF32, config);
  EXPECT_LE(static_cast<int64_t>(engine.peak_bytes()), part(plan, "engine activations"));
  EXPECT_EQ(part(plan, "KV pages"), 8 * 4 * model->kv_page_bytes(Dtype::kF32));
}

TEST(Learner, ASecondStepTakesNoMoreMemoryFromTheSystem) {
  const auto model = random_model(tiny_config(), Dtype::kF32, best_launch());
  Learner learner(*model, {}, Dtype::kF32, false, best_launch());
  const auto sequences = full_sequences(4, 100);
  const Batch batch(views(sequences));
  ASSERT_TRUE(learner.accumulate(batch, 1.0f, mean_nll(400)));
  const size_t peak = learner.arena().peak(), n = learner.arena().n_system_allocations();
  ASSERT_TRUE(learner.step(1e-3f));
  ASSERT_TRUE(learner.accumulate(batch, 1.0f, mean_nll(400)));
  EXPECT_EQ(learner.arena().peak(), peak);
  EXPECT_EQ(learner.arena().n_system_allocations(), n);
}

TEST(Learner, LearnsASequenceByHeart) {
  const auto model = random_model(tiny_config(), Dtype::kF32, best_launch());
  Learner learner(*model, {}, Dtype::kF32, false, best_launch());
  const auto sequences = full_sequences(1, 30);
  const Batch batch(views(sequences));
  double loss = 0;
  for (int step = 0; step < 60; ++step) {
    ASSERT_TRUE(learner.accumulate(batch, 1.0f, [&](const TokenView& t) {
      loss = nll(t.logp, Floats(t.logp.size(), 1.0f), 30, t.dlogp);
    }));
    ASSERT_TRUE(learner.step(3e-3f));
  }
  EXPECT_LT(loss, 0.1);
}

TEST(Learner, MicroBatchesAddUpToTheSameBitsInAnUntiedModel) {
  const auto sequences = full_sequences(6, 50);
  const auto gradients = [&](size_t per_batch, bool recompute, int threads) {
    const auto model = random_model(tiny_config(), Dtype::kF32, best_launch());
    Learner learner(*model, {}, Dtype::kF32, recompute, best_launch(threads));
    for (size_t i = 0; i < sequences.size(); i += per_batch) {
      std::vector<const TokenSequence*> some;
      for (size_t j = i; j < i + per_batch; ++j) some.push_back(&sequences[j]);
      EXPECT_TRUE(learner.accumulate(Batch(some), 1.0f, mean_nll(300)));
    }
    return floats_of(model->store().grads());
  };
  const Floats whole = gradients(6, false, 2);
  EXPECT_TRUE(equal_bits(whole, gradients(1, true, 1)));
  EXPECT_TRUE(equal_bits(whole, gradients(2, false, 1)));
}

TEST(Learner, RefusesNanAndChangesNothing) {
  const auto model = random_model(tiny_config(), Dtype::kF32, best_launch());
  Learner learner(*model, {}, Dtype::kF32, false, best_launch());
  const auto sequences = full_sequences(1, 30);
  const Batch batch(views(sequences));
  const Floats before = floats_of(model->store().masters());
  ASSERT_TRUE(learner.accumulate(batch, 1.0f, [](const TokenView& t) {
    std::fill(t.dlogp.begin(), t.dlogp.end(), std::numeric_limits<float>::quiet_NaN());
  }));
  const auto refused = learner.step(1e-3f);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("is not finite"), std::string::npos);
  EXPECT_TRUE(equal_bits(floats_of(model->store().masters()), before));

  model->store().masters().f32()[5] =
      std::numeric_limits<float>::quiet_NaN();  // of token 0's embedding
  model->refresh(best_launch());
  const auto diverged = learner.accumulate(batch, 1.0f, mean_nll(30));
  ASSERT_FALSE(diverged);
  EXPECT_NE(diverged.error().message.find("the log-probability of loss row"), std::string::npos);
}

TEST(Machine, OpensWhatTheComputerHas) {
  EXPECT_EQ(Machine::open({3, "reference"})->threads(), 3);
  EXPECT_EQ(Machine::open({1, "generic"})->backend(), Backend::kGeneric);
  EXPECT_FALSE(Machine::open({-1, "auto"}));
  EXPECT_FALSE(Machine::open({4096, "auto"}));
  EXPECT_FALSE(Machine::open({1, "plan"}));
  EXPECT_FALSE(Machine::open({1, "tpu"}));
}

TEST(FlopCount, CountsMatricesAndAttention) {
  const FlopCount f = count_flops(tiny_config());
  const double layer = 2.0 * (2 * 48 * 48 + 2 * 48 * 24 + 3 * 48 * 80);
  EXPECT_EQ(f.per_token, 3 * layer + 2.0 * 48 * 69);
  EXPECT_EQ(f.per_token_and_key, 3 * 4.0 * 48);
}

}  // namespace
}  // namespace r1
