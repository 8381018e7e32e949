// Multi-token prediction in training: against PyTorch, in packed batches, beside the sampler.
// The referee: tests/golden/make_mtp.py.
#include "train/mtp.h"

#include "engine/engine.h"
#include "models/golden_fixture.h"
#include "models/tiny_v3.h"
#include "train/learner.h"
#include "train/memory.h"
#include "train/objectives.h"

namespace r1 {
namespace {

TokenSequence sequence_of(std::vector<int32_t> tokens) {
  TokenSequence s;
  s.weights.assign(tokens.size(), 1.0f);
  s.tokens = std::move(tokens);
  return s;
}

Objective mean_nll(const Batch& batch, double n, double* loss = nullptr) {
  return [&batch, n, loss](const TokenView& t) {
    const double value = nll(t.logp, batch.weights(), n, t.dlogp);
    if (loss) *loss = value;
  };
}

const Parameter& find(const Transformer& model, const std::string& name) {
  for (const Parameter* p : model.store().parameters()) {
    if (p->name == name) return *p;
  }
  CHECK(false, "no {}", name);
  return *model.store().parameters()[0];
}

class GoldenMtp : public testing::TestWithParam<std::string> {};

TEST_P(GoldenMtp, LossAndEveryGradientEqualPyTorchInFloat64) {
  const Path folder = golden_root() / GetParam();
  const auto expected = nlohmann::json::parse(read_text(folder / "mtp_expected.json").value());
  const Source numbers = Source::open_file(folder / "mtp_expected.safetensors").value();
  const auto model = load_golden(folder, StoreUse::kTraining);
  ASSERT_TRUE(model);
  const TokenSequence s = sequence_of(expected["tokens"].get<std::vector<int32_t>>());
  const Batch batch({&s});
  const double n = static_cast<double>(batch.n_rows());
  for (bool recompute : {false, true}) {
    Learner learner(*model, {}, Dtype::kF32, recompute, best_launch());
    model->store().zero_grads();
    MtpLoss mtp;
    mtp.weight = expected["lambda"].get<float>();
    mtp.total = n;
    double loss = 0;
    ASSERT_TRUE(learner.accumulate(batch, 1.0f, mean_nll(batch, n, &loss), &mtp));
    ASSERT_EQ(mtp.depths.size(), expected["ce"].size());
    for (size_t k = 0; k < mtp.depths.size(); ++k) {
      EXPECT_NEAR(mtp.depths[k].loss, expected["ce"][k].get<double>(), 1e-5);
      EXPECT_EQ(mtp.depths[k].n_best, expected["hits"][k].get<int64_t>());
      EXPECT_EQ(mtp.depths[k].n, batch.n_rows() - 1 - static_cast<int64_t>(k));
      loss += mtp.weight / static_cast<double>(mtp.depths.size()) * mtp.depths[k].loss;
    }
    EXPECT_NEAR(loss, expected["loss"].get<double>(), 2e-5);
    size_t n_compared = 0;
    for (const Parameter* p : model->store().parameters()) {
      const StoredTensor* stored = numbers.find("grad." + p->name);
      if (!stored) {
        EXPECT_TRUE(p->buffer) << p->name;
        continue;
      }
      Floats gradient(static_cast<size_t>(p->numel()));
      std::memcpy(gradient.data(), stored->bytes.data(), stored->bytes.size());
      // an expert of a module that no token went to has no scale of its own
      const double scale = std::max(max_abs(gradient), 1e-3);
      EXPECT_LE(max_error(floats_of(p->grad), gradient) / scale, 1e-4) << p->name;
      ++n_compared;
    }
    EXPECT_EQ(n_compared, numbers.tensors().size() - mtp.depths.size());
  }
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenMtp, testing::Values("deepseek_v3", "deepseek_v3_mtp2"));

TEST(Batch, RowsAheadStayInTheirSequence) {
  TokenSequence a = sequence_of({10, 11, 12, 13, 14}), b = sequence_of({20, 21}),
                c = sequence_of({30, 31, 32});
  a.weights = {0, 0, 1, 0, 2};
  const Batch batch({&a, &b, &c});
  const Batch::Ahead one = batch.ahead(1);
  EXPECT_EQ(one.tokens, (std::vector<int32_t>{11, 12, 13, 14, 21, 31, 32}));
  EXPECT_EQ(one.rows, (std::vector<int32_t>{0, 2, 5}));
  EXPECT_EQ(one.targets, (std::vector<int32_t>{12, 14, 32}));
  EXPECT_EQ(one.weights, (std::vector<float>{1, 2, 1}));
  const Batch::Ahead two = batch.ahead(2);
  EXPECT_EQ(two.tokens, (std::vector<int32_t>{12, 13, 14, 14, 21, 32, 32}));
  EXPECT_EQ(two.rows, (std::vector<int32_t>{1}));
  EXPECT_EQ(two.targets, (std::vector<int32_t>{14}));
  EXPECT_TRUE(batch.ahead(9).rows.empty());
}

std::vector<TokenSequence> some_sequences() {
  std::vector<TokenSequence> all;
  for (int64_t n : {2, 3, 40, 66}) {
    std::vector<int32_t> tokens;
    for (int64_t t = 0; t < n; ++t) tokens.push_back(static_cast<int32_t>((t * t + 5 * n) % 69));
    all.push_back(sequence_of(std::move(tokens)));
  }
  return all;
}

Floats gradients(Transformer& model, const std::vector<TokenSequence>& all, size_t per_batch,
                 float weight, bool is_detached) {
  Learner learner(model, {}, Dtype::kF32, false, best_launch());
  model.store().zero_grads();
  MtpLoss mtp;
  mtp.weight = weight;
  mtp.is_detached = is_detached;
  mtp.total = 107;
  for (size_t i = 0; i < all.size(); i += per_batch) {
    std::vector<const TokenSequence*> views;
    for (size_t j = i; j < std::min(all.size(), i + per_batch); ++j) views.push_back(&all[j]);
    const Batch batch(views);
    EXPECT_TRUE(learner.accumulate(batch, 1.0f, mean_nll(batch, 107), &mtp));
  }
  return floats_of(model.store().grads());
}

TEST(MtpLoss, PackingChangesNoGradient) {
  const auto model = random_v3(tiny_v3_config(2), Dtype::kF32, best_launch());
  const Floats together = gradients(*model, some_sequences(), 4, 0.3f, false);
  EXPECT_LE(max_error(together, gradients(*model, some_sequences(), 1, 0.3f, false)), 1e-6);
}

TEST(MtpLoss, DetachedItTeachesTheModulesAlone) {
  const auto model = random_v3(tiny_v3_config(2), Dtype::kF32, best_launch());
  const size_t first = static_cast<size_t>(model->mtp_begin());
  const auto part = [](const Floats& g, size_t from, size_t to) {
    return Floats(g.begin() + from, g.begin() + to);
  };
  const Floats none = gradients(*model, some_sequences(), 4, 0.0f, false),
               detached = gradients(*model, some_sequences(), 4, 0.3f, true),
               whole = gradients(*model, some_sequences(), 4, 0.3f, false);
  EXPECT_TRUE(equal_bits(part(none, 0, first), part(detached, 0, first)));
  EXPECT_FALSE(equal_bits(part(none, 0, first), part(whole, 0, first)));
  EXPECT_TRUE(equal_bits(part(detached, first, none.size()), part(whole, first, none.size())));
  EXPECT_EQ(max_abs(part(none, first, none.size())), 0.0);
  EXPECT_GT(max_abs(part(whole, first, none.size())), 0.0);
}

TEST(MtpLoss, FrozenModulesStayAsTheyAreWhateverTheDecay) {
  const auto model = random_v3(tiny_v3_config(), Dtype::kF32, best_launch());
  Learner learner(*model, {.weight_decay = 0.1f}, Dtype::kF32, false, best_launch());
  const TokenSequence s = some_sequences()[2];
  const Batch batch({&s});
  const Floats before = floats_of(model->store().masters());
  const size_t first = static_cast<size_t>(model->mtp_begin());
  const auto step = [&](bool frozen) {
    learner.freeze_mtp(frozen);
    EXPECT_TRUE(learner.accumulate(batch, 1.0f, mean_nll(batch, 39)));
    EXPECT_TRUE(learner.step(1e-2f));
    return floats_of(model->store().masters());
  };
  const Floats frozen = step(true);
  EXPECT_TRUE(std::equal(before.begin() + first, before.end(), frozen.begin() + first));
  EXPECT_FALSE(std::equal(before.begin(), before.begin() + first, frozen.begin()));
  const Floats moved = step(false);
  EXPECT_FALSE(std::equal(before.begin() + first, before.end(), moved.begin() + first));
}

TEST(MtpLoss, LearnsASequenceByHeart) {
  const auto model = random_v3(tiny_v3_config(2), Dtype::kF32, best_launch());
  Learner learner(*model, {}, Dtype::kF32, false, best_launch());
  const TokenSequence s = some_sequences()[2];
  const Batch batch({&s});
  MtpLoss mtp;
  for (int step = 0; step < 80; ++step) {
    mtp = {};
    mtp.weight = 0.3f;
    mtp.total = 39;
    ASSERT_TRUE(learner.accumulate(batch, 1.0f, mean_nll(batch, 39), &mtp));
    ASSERT_TRUE(learner.step(3e-3f));
  }
  Metrics metrics;
  mtp.describe(metrics);
  ASSERT_EQ(metrics.size(), 4u);
  EXPECT_EQ(metrics[0].first, "mtp_loss/1");
  EXPECT_EQ(metrics[3].first, "mtp_accuracy/2");
  EXPECT_LT(metrics[0].second, 0.3);
  EXPECT_GT(metrics[3].second, 0.9);
}

TEST(MtpLoss, NumbersThatAreNotFiniteAreAnError) {
  const auto model = random_v3(tiny_v3_config(), Dtype::kF32, best_launch());
  find(*model, "model.layers.2.shared_head.norm.weight").master.f32()[0] = NAN;
  model->refresh(best_launch());
  Learner learner(*model, {}, Dtype::kF32, false, best_launch());
  const TokenSequence s = some_sequences()[2];
  const Batch batch({&s});
  MtpLoss mtp;
  mtp.weight = 0.3f;
  const auto done = learner.accumulate(batch, 1.0f, mean_nll(batch, 39), &mtp);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("depth 1 of multi-token prediction"), std::string::npos);
}

TEST(MtpSchedule, HasTwoWeightsAndASwitch) {
  const MtpSchedule v3;
  EXPECT_EQ(v3.weight(0), 0.3);
  EXPECT_EQ(v3.weight(0.675), 0.3);
  EXPECT_EQ(v3.weight(0.676), 0.1);
  EXPECT_EQ(v3.weight(1), 0.1);
  EXPECT_TRUE(v3.validate());
  EXPECT_FALSE((MtpSchedule{.mtp_loss_weight = -0.1}.validate()));
  EXPECT_FALSE((MtpSchedule{.mtp_loss_weight_end = NAN}.validate()));
  EXPECT_FALSE((MtpSchedule{.mtp_loss_switch = 1.5}.validate()));
}

TEST(SamplerAndTrainer, SpeculationAndMtpTrainingKeepTheirBitsEqual) {
  constexpr float kTemperature = 1.5f;
  for (const auto& [dtype, absorbed] : {std::pair{Dtype::kF32, false},
                                        {Dtype::kF32, true},
                                        {Dtype::kBF16, false},
                                        {Dtype::kBF16, true}}) {
    ModelConfig shape = tiny_v3_config();
    shape.mla.absorbed = absorbed;
    const auto model = random_v3(shape, dtype, best_launch());
    std::vector<TokenSequence> sequences;
    Floats sampled;
    EngineConfig config{.max_sequences = 3, .prefill_chunk = 32, .n_pages = 5};
    config.speculate = 2;
    Engine engine(*model, dtype, config, best_launch());
    for (int64_t i = 0; i < 4; ++i) {
      Request r;
      for (int64_t t = 0; t < 60 + i; ++t) r.prompt.push_back(static_cast<int32_t>((t + i) % 69));
      r.streams = {1, 2};
      r.params = {.temperature = kTemperature, .seed = static_cast<uint64_t>(i)};
      r.max_tokens = 50;
      r.on_done = [&, prompt = r.prompt](Completed&& c) {
        TokenSequence s = sequence_of(prompt);
        std::fill(s.weights.begin(), s.weights.end(), 0.0f);
        s.tokens.insert(s.tokens.end(), c.tokens.begin(), c.tokens.end());
        s.weights.resize(s.tokens.size(), 1.0f);
        sequences.push_back(std::move(s));
        sampled.insert(sampled.end(), c.logp.begin(), c.logp.end());
      };
      ASSERT_TRUE(engine.submit(std::move(r)));
    }
    engine.run();
    EXPECT_GT(engine.stats().n_accepted, 0);
    std::vector<const TokenSequence*> views;
    for (const TokenSequence& s : sequences) views.push_back(&s);
    const Batch batch(views);
    Learner learner(*model, {}, dtype, false, best_launch());
    MtpLoss mtp;
    mtp.weight = 0.1f;
    mtp.total = 400;
    ASSERT_TRUE(learner.accumulate(
        batch, 1.0f / kTemperature,
        [&](const TokenView& t) {
          EXPECT_TRUE(equal_bits(Floats(t.logp.begin(), t.logp.end()), sampled));
          nll(t.logp, batch.weights(), 400, t.dlogp);
        },
        &mtp));
  }
}

int64_t part(const MemoryPlan& plan, const std::string& name) {
  for (const auto& [key, bytes] : plan.parts) {
    if (key == name) return bytes;
  }
  return -1;
}

TEST(MemoryPlan, CountsTheModulesInTrainingAndInTheEngine) {
  const auto model = random_v3(tiny_v3_config(), Dtype::kF32, best_launch());
  Learner learner(*model, {}, Dtype::kF32, false, best_launch());
  std::vector<int32_t> tokens(101, 3);
  for (size_t t = 0; t < tokens.size(); ++t) tokens[t] = static_cast<int32_t>(t * t % 69);
  const TokenSequence s = sequence_of(tokens);
  const Batch batch({&s, &s});
  MtpLoss mtp;
  mtp.weight = 0.3f;
  ASSERT_TRUE(learner.accumulate(batch, 1.0f, mean_nll(batch, 200), &mtp));
  TrainingArguments args;
  args.micro_batch_tokens = 200;
  const MemoryPlan training = plan_training(tiny_v3_config(), Dtype::kF32, Dtype::kF32, args, 100);
  EXPECT_GE(part(training, "activations"), static_cast<int64_t>(learner.arena().peak()));
  EXPECT_EQ(part(training, "weights") + part(training, "gradients"), model->store().n_bytes());

  const EngineConfig config{.max_sequences = 8, .prefill_chunk = 64, .speculate = 3};
  Engine engine(*model, Dtype::kF32, config, best_launch());
  for (int64_t i = 0; i < 12; ++i) {
    Request r;
    r.prompt.assign(100, static_cast<int32_t>(i));
    r.max_tokens = 20;
    r.params.temperature = 3.0f;
    ASSERT_TRUE(engine.submit(std::move(r)));
  }
  engine.run();
  const MemoryPlan plan = plan_engine(*model, Dtype::kF32, config);
  EXPECT_LE(static_cast<int64_t>(engine.peak_bytes()), part(plan, "engine activations"));
  EXPECT_EQ(part(plan, "KV pages"), 8 * 4 * model->kv_page_bytes(Dtype::kF32) * 3 / 2);
}

}  // namespace
}  // namespace r1
