// Every family against Hugging Face transformers: logits, one SFT step's gradients, and decoding
// through the cache. The folders and their referee: tests/golden/make_golden.py.
#include <numeric>

#include "base/scratch.h"
#include "models/golden_fixture.h"

namespace r1 {
namespace {

constexpr std::string_view kAbsorbed = "_absorbed";

/// A family by its folder's name; those with latent attention in both of its forms.
class GoldenFamily : public testing::TestWithParam<std::string> {
 protected:
  bool absorbed() const { return GetParam().ends_with(kAbsorbed); }
  std::string name() const {
    return GetParam().substr(0, GetParam().size() - (absorbed() ? kAbsorbed.size() : 0));
  }
  std::unique_ptr<Transformer> load(const Path& folder, StoreUse use,
                                    const Launch& launch = best_launch()) const {
    return load_golden(folder, use, launch, absorbed() ? "absorbed" : "expanded");
  }
  const Golden golden_{name()};
};

std::vector<std::string> names_and_forms() {
  std::vector<std::string> all = golden_names();
  for (const std::string& name : golden_names()) {
    if (name.starts_with("deepseek")) all.push_back(name + std::string(kAbsorbed));
  }
  return all;
}

Floats joined_logits(const Golden& golden) {
  Floats all;
  for (size_t s = 0; s < golden.tokens.size(); ++s) {
    const Floats part = golden.number("logits." + std::to_string(s));
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

TEST_P(GoldenFamily, LogitsEqualTransformers) {
  const auto model = load(golden_.folder, StoreUse::kTraining);
  ASSERT_TRUE(model);
  Bench bench;
  EXPECT_LE(max_error(all_logits(*model, golden_.tokens, bench.ctx), joined_logits(golden_)), 1e-4);
}

TEST_P(GoldenFamily, LogitsOfAModelForInferenceAreTheSameBits) {
  const auto trained = load(golden_.folder, StoreUse::kTraining);
  const auto model = load(golden_.folder, StoreUse::kInference);
  ASSERT_TRUE(model && trained);
  Bench bench;
  EXPECT_TRUE(equal_bits(all_logits(*model, golden_.tokens, bench.ctx),
                         all_logits(*trained, golden_.tokens, bench.ctx)));
}

/// The loss of expected.json: the mean over t = 1 … T-1 of -log p(token t | tokens before it) of
/// sequence 0. Its gradients are left in the model's store.
double backward_of_mean_nll(const Transformer& model, const std::vector<int32_t>& ids,
                            Context ctx) {
  const PackedRows packed = packed_sequences({ids});
  const size_t n = ids.size() - 1;
  std::vector<int32_t> rows(n), targets(ids.begin() + 1, ids.end());
  std::iota(rows.begin(), rows.end(), 0);
  const LossRows loss{rows, targets, 1.0f};
  Transformer::Saved saved;
  Tensor h = model.forward(ctx, packed.rows(), &saved);
  const TokenScores scores = model.head().score(ctx, h, loss);
  double mean_nll = 0;
  for (float logp : floats_of(scores.logp)) mean_nll -= logp / static_cast<double>(n);
  Floats dlogp(n, -1.0f / static_cast<float>(n)), dentropy(n, 0.0f);
  Tensor dh = ctx.f32({h.rows(), h.cols()});
  model.head().backward(ctx, dh, h, loss, scores, row_vector(dlogp), row_vector(dentropy));
  model.backward(ctx, packed.rows(), dh, saved);
  return mean_nll;
}

TEST_P(GoldenFamily, LossAndEveryGradientEqualTransformers) {
  const auto model = load(golden_.folder, StoreUse::kTraining);
  ASSERT_TRUE(model);
  Bench bench;
  const double loss = backward_of_mean_nll(*model, golden_.tokens[0], bench.ctx);
  EXPECT_NEAR(loss, golden_.expected["loss"].get<double>(), 1e-5);
  size_t n_compared = 0;
  for (const Parameter* p : model->store().parameters()) {
    const Floats expected = golden_.number("grad." + p->name);
    if (expected.empty()) {  // a buffer, or a block that takes no part
      EXPECT_TRUE(p->grad.empty() || max_abs(floats_of(p->grad)) == 0.0) << p->name;
      continue;
    }
    ++n_compared;
    EXPECT_LE(max_error(floats_of(p->grad), expected) / max_abs(expected), 1e-4) << p->name;
  }
  EXPECT_EQ(n_compared, golden_.numbers.tensors().size() - golden_.tokens.size());
}

TEST_P(GoldenFamily, RecomputedGradientsAreTheSameBits) {
  const auto model = load(golden_.folder, StoreUse::kTraining);
  ASSERT_TRUE(model);
  Bench keeps, recomputes;
  recomputes.ctx.recompute = true;
  backward_of_mean_nll(*model, golden_.tokens[0], keeps.ctx);
  const Floats kept = floats_of(model->store().grads());
  model->store().zero_grads();
  backward_of_mean_nll(*model, golden_.tokens[0], recomputes.ctx);
  EXPECT_TRUE(equal_bits(kept, floats_of(model->store().grads())));
}

/// What the two forms of latent attention compute differs in the last bits alone.
TEST_P(GoldenFamily, AbsorbedAttentionIsExpandedAttention) {
  if (!absorbed()) GTEST_SKIP() << "one form is enough";
  const auto expanded = load_golden(golden_.folder, StoreUse::kTraining);
  const auto model = load(golden_.folder, StoreUse::kTraining);
  ASSERT_TRUE(model && expanded);
  Bench bench;
  EXPECT_LE(max_error(all_logits(*model, golden_.tokens, bench.ctx),
                      all_logits(*expanded, golden_.tokens, bench.ctx)),
            1e-5);
  backward_of_mean_nll(*model, golden_.tokens[0], bench.ctx);
  backward_of_mean_nll(*expanded, golden_.tokens[0], bench.ctx);
  const Floats expected = floats_of(expanded->store().grads());
  EXPECT_LE(max_error(floats_of(model->store().grads()), expected) / max_abs(expected), 1e-5);
  EXPECT_LT(model->kv_page_bytes(Dtype::kBF16), expanded->kv_page_bytes(Dtype::kBF16));
}

/// Pages of all layers for one sequence, as the engine lays them out, in an order of their own.
struct Cache {
  Cache(const Transformer& model, Dtype dtype) {
    page_stride = model.kv_page_bytes(dtype) / model.config().n_layers;
    layer_stride = page_stride * 3;
    const int64_t bytes = layer_stride * model.config().n_layers;
    memory = arena.f32({bytes / 4});
    std::memset(memory.data, 0xFF, static_cast<size_t>(bytes));  // NaN where nothing was written
  }

  /// Logits (n, V) of ids[first … first + n - 1], given what the cache holds of those before.
  Floats step(const Transformer& model, const std::vector<int32_t>& ids, int64_t first, int64_t n,
              Context ctx) {
    const ArenaScope scope(ctx.arena);
    const std::vector<int32_t> offsets{0, static_cast<int32_t>(n)};
    std::vector<int32_t> positions(n), all(n);
    std::iota(positions.begin(), positions.end(), static_cast<int32_t>(first));
    std::iota(all.begin(), all.end(), 0);
    Rows rows;
    rows.batch = {n, 1, offsets.data(), positions.data()};
    rows.tokens = ids.data() + first;
    rows.page_table = page_table;
    rows.max_pages = 2;
    rows.kv_base = static_cast<std::byte*>(memory.data);
    rows.kv_layer_stride = layer_stride;
    rows.kv_page_stride = page_stride;
    return floats_of(model.logits(ctx, model.forward(ctx, rows, nullptr), all));
  }

  Arena arena;
  Tensor memory;
  int64_t page_stride = 0, layer_stride = 0;
  const int32_t page_table[2] = {2, 0};
};

TEST_P(GoldenFamily, PrefillThenDecodeEqualsTheFullForwardBitForBit) {
  const auto model = load(golden_.folder, StoreUse::kInference);
  ASSERT_TRUE(model);
  const std::vector<int32_t>& ids = golden_.tokens[0];
  const int64_t T = static_cast<int64_t>(ids.size());
  for (Dtype kv_dtype : {Dtype::kF32, Dtype::kBF16}) {
    Bench bench;
    bench.ctx.kv_dtype = kv_dtype;
    const Floats full = all_logits(*model, {ids}, bench.ctx);
    Cache cache(*model, kv_dtype);
    Floats stepped;
    int64_t at = 0;
    for (int64_t n : {int64_t{17}, int64_t{40}}) {  // prefill in two chunks, then one by one
      const Floats part = cache.step(*model, ids, at, n, bench.ctx);
      stepped.insert(stepped.end(), part.begin(), part.end());
      at += n;
    }
    for (; at < T; ++at) {
      const Floats part = cache.step(*model, ids, at, 1, bench.ctx);
      stepped.insert(stepped.end(), part.begin(), part.end());
    }
    EXPECT_TRUE(equal_bits(stepped, full)) << dtype_name(kv_dtype);
  }
}

TEST_P(GoldenFamily, ASequenceAloneEqualsItselfInABatchBitForBit) {
  const auto model = load(golden_.folder, StoreUse::kInference);
  ASSERT_TRUE(model);
  Bench bench;
  const Floats batch = all_logits(*model, golden_.tokens, bench.ctx);
  const Floats alone = all_logits(*model, {golden_.tokens[1]}, bench.ctx);
  EXPECT_TRUE(
      equal_bits(alone, Floats(batch.end() - static_cast<int64_t>(alone.size()), batch.end())));
}

TEST_P(GoldenFamily, GradientsAreTheSameBitsOnEveryBackend) {
  const auto run = [&](const Launch& launch) {
    const auto model = load(golden_.folder, StoreUse::kTraining, launch);
    if (!model) return Floats{};
    Bench bench(launch);
    backward_of_mean_nll(*model, golden_.tokens[0], bench.ctx);
    return floats_of(model->store().grads());
  };
  const Floats expected = run(reference_launch());
  for (Backend backend : available_backends()) {
    EXPECT_TRUE(equal_bits(run({backend, test_pool(3)}), expected)) << backend_name(backend);
  }
}

/// config.json in the hub's style and as transformers 5 saves it: the folder has one, and the other
/// beside it.
TEST_P(GoldenFamily, BothStylesOfConfigGiveTheSameBits) {
  const Scratch scratch;
  std::filesystem::copy(golden_.folder / "other_config.json", scratch / "config.json");
  std::filesystem::create_symlink(golden_.folder / "model.safetensors",
                                  scratch / "model.safetensors");
  const auto one = load(golden_.folder, StoreUse::kInference);
  const auto other = load(scratch.path(), StoreUse::kInference);
  ASSERT_TRUE(one && other);
  Bench bench;
  EXPECT_TRUE(equal_bits(all_logits(*one, golden_.tokens, bench.ctx),
                         all_logits(*other, golden_.tokens, bench.ctx)));
}

TEST_P(GoldenFamily, SavingUntouchedWeightsKeepsEveryTensorAndFile) {
  const Scratch scratch;
  auto loaded = load_model(golden_.folder, {.use = StoreUse::kTraining}, best_launch());
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto saved = save_model(scratch.path(), *loaded->model, loaded->assets);
  ASSERT_TRUE(saved) << saved.error().message;
  EXPECT_EQ(read_text(scratch / "config.json").value(),
            read_text(golden_.folder / "config.json").value());
  const Source before = Source::open(golden_.folder).value();
  const Source after = Source::open(scratch.path()).value();
  EXPECT_EQ(before.names(), after.names());
  for (const StoredTensor& was : before.tensors()) {
    const StoredTensor* is = after.find(was.name);
    ASSERT_TRUE(is) << was.name;
    EXPECT_EQ(is->dtype, was.dtype) << was.name;
    EXPECT_EQ(is->shape, was.shape) << was.name;
    EXPECT_TRUE(std::ranges::equal(is->bytes, was.bytes)) << was.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenFamily, testing::ValuesIn(names_and_forms()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace r1
