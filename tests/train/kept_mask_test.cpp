// With top-p, top-k or min-p the sampler says which tokens it could draw, and the trainer takes its
// probabilities among these: the same bits, and a ratio of exactly 1.
#include <cmath>

#include "engine/engine.h"
#include "models/tiny_model.h"
#include "nn/fixtures.h"
#include "train/learner.h"
#include "train/policy_loss.h"

namespace r1 {
namespace {

constexpr float kTemperature = 0.8f;

struct Sampled {
  TokenSequence sequence;
  Floats logp;
};

/// Six prompts, two samples each; odd prompts are cut by top-p, even ones by top-k and min-p.
std::vector<Sampled> sample(const Transformer& model, Dtype kv_dtype, const EngineConfig& config,
                            bool keeps) {
  Engine engine(model, kv_dtype, config, best_launch(2));
  std::vector<Sampled> all(12);
  for (int64_t i = 0; i < 6; ++i) {
    Request r;
    r.id = i;
    for (int64_t t = 0; t < 20 + 13 * i; ++t)
      r.prompt.push_back(static_cast<int32_t>((t * t + 11 * i) % 69));
    r.streams = {static_cast<uint64_t>(2 * i), static_cast<uint64_t>(2 * i + 1)};
    r.params.temperature = kTemperature;
    if (i % 2 == 1) r.params.top_p = 0.7f;
    if (i % 2 == 0) r.params.top_k = 20, r.params.min_p = 0.05f;
    r.keep_sampling_mask = keeps;
    r.max_tokens = 40;
    r.on_done = [&all, prompt = r.prompt](Completed&& c) {
      Sampled& s = all[c.request * 2 + c.sample];
      s.logp = std::move(c.logp);
      s.sequence.tokens = prompt;
      s.sequence.weights.assign(prompt.size(), 0.0f);
      s.sequence.tokens.insert(s.sequence.tokens.end(), c.tokens.begin(), c.tokens.end());
      s.sequence.weights.resize(s.sequence.tokens.size(), 1.0f);
      s.sequence.kept = std::move(c.kept);
    };
    EXPECT_TRUE(engine.submit(std::move(r)));
  }
  engine.run();
  return all;
}

Batch batch_of(const std::vector<Sampled>& all) {
  std::vector<const TokenSequence*> views;
  for (const Sampled& s : all) views.push_back(&s.sequence);
  return Batch(views);
}

Floats logp_of(const std::vector<Sampled>& all) {
  Floats logp;
  for (const Sampled& s : all) logp.insert(logp.end(), s.logp.begin(), s.logp.end());
  return logp;
}

TEST(KeptSamplingMask, SamplerAndTrainerAgreeInEveryBit) {
  for (Dtype dtype : {Dtype::kF32, Dtype::kBF16}) {
    const auto model = random_model(tiny_config(), dtype, best_launch());
    const auto all = sample(*model, dtype, {64, 256, 0, 0}, true);
    const auto plain = sample(*model, dtype, {64, 256, 0, 0}, false);
    const auto crowded = sample(*model, dtype, {3, 5, 5, 0}, true);  // another schedule
    bool any_cut = false;
    for (size_t i = 0; i < all.size(); ++i) {
      const TokenSequence& s = all[i].sequence;
      ASSERT_EQ(s.tokens, plain[i].sequence.tokens);  // what is kept changes no draw
      ASSERT_EQ(s.tokens, crowded[i].sequence.tokens);
      ASSERT_EQ(s.kept, crowded[i].sequence.kept);
      ASSERT_TRUE(equal_bits(all[i].logp, crowded[i].logp));
      ASSERT_EQ(s.kept.size(), all[i].logp.size());
      ASSERT_TRUE(plain[i].sequence.kept.empty());
      for (size_t t = 0; t < s.kept.size(); ++t) {
        const int32_t token = s.tokens[s.tokens.size() - s.kept.size() + t];
        ASSERT_TRUE(std::binary_search(s.kept[t].begin(), s.kept[t].end(), token));
        ASSERT_GE(all[i].logp[t], plain[i].logp[t] - 1e-5f);  // fewer rivals
        any_cut = any_cut || s.kept[t].size() < 20;
      }
    }
    EXPECT_TRUE(any_cut);
    Bench bench;
    bench.ctx.kv_dtype = dtype;
    const Floats scored = score_batch(*model, batch_of(all), 1.0f / kTemperature, bench.ctx);
    ASSERT_TRUE(equal_bits(scored, logp_of(all)));
    for (bool recompute : {false, true}) {
      Learner learner(*model, {}, dtype, recompute, best_launch());
      PolicyStats stats;
      const Floats old = logp_of(all), ones(old.size(), 1.0f);
      ASSERT_TRUE(learner.accumulate(batch_of(all), 1.0f / kTemperature, [&](const TokenView& t) {
        stats = policy_loss({}, {t.logp, t.entropy, old, old, {}, ones, {}}, t.dlogp, t.dentropy);
      }));
      EXPECT_EQ(stats.ratio_min, 1.0);
      EXPECT_EQ(stats.ratio_max, 1.0);
      EXPECT_EQ(stats.max_logp_difference, 0.0);
    }
  }
}

TEST(KeptSamplingMask, WithoutItTheRatioWouldBeThatOfAnotherPolicy) {
  const auto model = random_model(tiny_config(), Dtype::kF32, best_launch());
  auto all = sample(*model, Dtype::kF32, {64, 256, 0, 0}, true);
  const Floats kept = logp_of(all);
  for (Sampled& s : all) s.sequence.kept.clear();
  Bench bench;
  const Floats whole = score_batch(*model, batch_of(all), 1.0f / kTemperature, bench.ctx);
  double mean = 0;
  for (size_t t = 0; t < kept.size(); ++t) mean += std::exp(whole[t] - kept[t]);
  EXPECT_LT(mean / static_cast<double>(kept.size()), 0.95);
}

TEST(KeptSamplingMask, NothingIsKeptApartWhereNothingIsCut) {
  const auto model = random_model(tiny_config(), Dtype::kF32, best_launch());
  Engine engine(*model, Dtype::kF32, {8, 64, 0, 0}, best_launch());
  Request r;
  r.prompt = {1, 2, 3};
  r.max_tokens = 5;
  r.keep_sampling_mask = true;
  r.on_done = [](Completed&& c) {
    for (const KeptTokens& kept : c.kept) EXPECT_TRUE(kept.empty());
  };
  ASSERT_TRUE(engine.submit(r));
  engine.run();
  r.params.repetition_penalty = 1.1f;
  EXPECT_EQ(engine.submit(r).error().message,
            "keep_sampling_mask goes with repetition_penalty 1, not 1.1");
}

}  // namespace
}  // namespace r1
