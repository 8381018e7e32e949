// A whole model whose linear layers compute in FP8: near the same model in f32, and equal bits
// between sampling and training.
#include <numeric>

#include "models/golden_fixture.h"

namespace r1 {
namespace {

struct Fp8Model : testing::TestWithParam<std::string> {
  static std::unique_ptr<Transformer> load(const std::string& name, const char* dtype,
                                           const char* tile = "1x128") {
    auto loaded = load_model(
        golden_root() / name,
        {.dtype = dtype, .use = StoreUse::kTraining, .fp8_gradient_tile = tile}, best_launch());
    EXPECT_TRUE(loaded) << loaded.error().message;
    return loaded ? std::move(loaded->model) : nullptr;
  }
  const Golden golden_{GetParam()};
};

/// Gradients of the sum of the logits times fixed numbers; logits (N, V) too.
std::pair<Floats, Floats> run(const Transformer& model, const Golden& golden) {
  Bench bench;
  const PackedRows packed = packed_sequences(golden.tokens);
  Transformer::Saved saved;
  Tensor h = model.forward(bench.ctx, packed.rows(), &saved);
  Floats dh = normals(h.numel(), 5, 0.01f);
  std::copy(dh.begin(), dh.end(), h.f32());
  model.backward(bench.ctx, packed.rows(), h, saved);
  return {floats_of(model.store().grads()), all_logits(model, golden.tokens, bench.ctx)};
}

double cosine(const Floats& a, const Floats& b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += double{a[i]} * b[i], aa += double{a[i]} * a[i], bb += double{b[i]} * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

TEST_P(Fp8Model, IsNearTheModelInF32) {
  const auto exact = load(GetParam(), "f32");
  ASSERT_TRUE(exact);
  const auto [grads, logits] = run(*exact, golden_);
  for (const char* tile : {"1x128", "128x128"}) {
    const auto model = load(GetParam(), "fp8", tile);
    ASSERT_TRUE(model);
    const auto [near_grads, near_logits] = run(*model, golden_);
    EXPECT_GT(cosine(near_logits, logits), 0.96) << tile;  // 3.6 % a product, layer upon layer
    EXPECT_LT(cosine(near_logits, logits), 0.999999) << "nothing was rounded";
    EXPECT_GT(cosine(near_grads, grads), 0.94) << tile;
  }
}

TEST_P(Fp8Model, ASequenceAloneEqualsItselfInABatchBitForBit) {
  const auto model = load(GetParam(), "fp8");
  ASSERT_TRUE(model);
  Bench bench;
  const Floats batch = all_logits(*model, golden_.tokens, bench.ctx);
  const Floats alone = all_logits(*model, {golden_.tokens[1]}, bench.ctx);
  EXPECT_TRUE(
      equal_bits(alone, Floats(batch.end() - static_cast<int64_t>(alone.size()), batch.end())));
}

INSTANTIATE_TEST_SUITE_P(, Fp8Model, testing::Values("llama", "deepseek_v3"),
                         [](const auto& info) { return info.param; });

TEST(Fp8Options, AreRefusedWhereTheyDoNotGoTogether) {
  const Path folder = golden_root() / "deepseek_v3";
  const auto absorbed = load_model(
      folder, {.dtype = "fp8", .use = StoreUse::kTraining, .mla_form = "absorbed"}, best_launch());
  ASSERT_FALSE(absorbed);
  EXPECT_NE(absorbed.error().message.find("mla_form expanded"), std::string::npos);
  const auto inference = load_model(folder, {.dtype = "fp8"}, best_launch());
  ASSERT_FALSE(inference);
}

}  // namespace
}  // namespace r1
