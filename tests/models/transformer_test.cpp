#include "models/transformer.h"

#include <cmath>
#include <numeric>

#include "models/tiny_model.h"
#include "nn/fixtures.h"

namespace r1 {
namespace {

PackedRows packed_tokens(std::vector<int64_t> lengths) {
  PackedRows packed(std::move(lengths));
  for (int64_t n = 0; n < packed.n_rows(); ++n)
    packed.tokens.push_back(static_cast<int32_t>((5 * n * n + 3) % 69));
  return packed;
}

/// Gradients of Σ c logp over all rows, flat.
Floats gradients_of(Transformer& model, const PackedRows& packed, Context ctx) {
  ArenaScope scope(ctx.arena);
  model.store().zero_grads();
  std::vector<int32_t> rows(packed.n_rows());
  std::iota(rows.begin(), rows.end(), 0);
  const LossRows loss{rows, packed.tokens, 1.0f};
  Transformer::Saved saved;
  Tensor h = model.forward(ctx, packed.rows(), &saved);
  const TokenScores scores = model.head().score(ctx, h, loss);
  Floats dlogp = normals(packed.n_rows(), 1, 0.1f), dentropy = normals(packed.n_rows(), 2, 0.1f);
  Tensor dh = ctx.f32({h.rows(), h.cols()});
  model.head().backward(ctx, dh, h, loss, scores, row_vector(dlogp), row_vector(dentropy));
  model.backward(ctx, packed.rows(), dh, saved);
  return floats_of(model.store().grads());
}

TEST(Transformer, CountsItsParameters) {
  ModelConfig c = tiny_config();
  const int64_t layer = 2 * 48 + 2 * 48 * 48 + 2 * 48 * 24 + 3 * 48 * 80;
  EXPECT_EQ(Transformer(c, Dtype::kF32, StoreUse::kPlan).n_parameters(),
            3 * layer + 48 + 2 * 69 * 48);
  c.tie_word_embeddings = true;
  EXPECT_EQ(Transformer(c, Dtype::kF32, StoreUse::kPlan).n_parameters(), 3 * layer + 48 + 69 * 48);
  // keys and values: 3 layers x 2 heads x 64 positions x (16 + 16), head_dim 12 padded to 16
  EXPECT_EQ(Transformer(c, Dtype::kF32, StoreUse::kPlan).kv_page_bytes(Dtype::kBF16),
            3 * 2 * 64 * 32 * 2);
}

TEST(Transformer, InitIsKeyedByTheSeedAndScalesBranches) {
  const auto a = random_model(tiny_config(), Dtype::kF32, best_launch(), 1);
  const auto b = random_model(tiny_config(), Dtype::kF32, best_launch(1), 1);
  const auto other = random_model(tiny_config(), Dtype::kF32, best_launch(), 2);
  EXPECT_TRUE(equal_bits(floats_of(a->store().masters()), floats_of(b->store().masters())));
  EXPECT_FALSE(equal_bits(floats_of(a->store().masters()), floats_of(other->store().masters())));
  const auto std_of = [&](const std::string& name) {
    double squares = 0;
    for (const Parameter* p : a->store().parameters()) {
      if (p->name != name) continue;
      for (float x : floats_of(p->weight)) squares += static_cast<double>(x) * x;
      return std::sqrt(squares / static_cast<double>(p->numel()));
    }
    return -1.0;
  };
  EXPECT_NEAR(std_of("model.embed_tokens.weight"), 0.3, 0.02);
  EXPECT_NEAR(std_of("lm_head.weight"), 0.3, 0.02);
  EXPECT_NEAR(std_of("model.layers.0.self_attn.q_proj.weight"), 1 / std::sqrt(48.0), 0.02);
  EXPECT_NEAR(std_of("model.layers.2.mlp.down_proj.weight"), 1 / std::sqrt(80.0 * 6), 0.01);
  EXPECT_EQ(std_of("model.norm.weight"), 1.0);
}

TEST(Transformer, RecomputingGivesTheSameGradientBits) {
  for (Dtype dtype : {Dtype::kF32, Dtype::kBF16}) {
    const auto model = random_model(tiny_config(), dtype, best_launch());
    const PackedRows packed = packed_tokens({70, 3, 12});
    Bench keeps, recomputes;
    keeps.ctx.kv_dtype = recomputes.ctx.kv_dtype = dtype;
    recomputes.ctx.recompute = true;
    const Floats kept = gradients_of(*model, packed, keeps.ctx);
    EXPECT_TRUE(equal_bits(kept, gradients_of(*model, packed, recomputes.ctx)));
    EXPECT_LT(recomputes.arena.peak(), keeps.arena.peak());
  }
}

TEST(Transformer, GradientsAreTheSameBitsOnEveryBackendAndThreadCount) {
  ModelConfig config = tiny_config();
  config.tie_word_embeddings = true;
  const PackedRows packed = packed_tokens({66, 3});
  expect_same_bits_everywhere("transformer", [&](const Launch& launch) {
    const auto model = random_model(config, Dtype::kBF16, launch);
    Bench bench(launch);
    bench.ctx.kv_dtype = Dtype::kBF16;
    return gradients_of(*model, packed, bench.ctx);
  });
}

TEST(Transformer, ATiedHeadAddsItsGradientToTheEmbedding) {
  ModelConfig config = tiny_config();
  const auto untied = random_model(config, Dtype::kF32, best_launch());
  config.tie_word_embeddings = true;
  Transformer tied(config, Dtype::kF32, StoreUse::kTraining);
  const auto find = [](Transformer& model, const std::string& name) {
    for (Parameter* p : model.store().parameters()) {
      if (p->name == name) return p;
    }
    return static_cast<Parameter*>(nullptr);
  };
  for (Parameter* p : tied.store().parameters()) {  // same weights, with head = embedding
    const Parameter* from = find(*untied, p->name);
    std::memcpy(p->master.data, from->master.data, static_cast<size_t>(p->master.nbytes()));
  }
  Parameter* embedding = find(*untied, "model.embed_tokens.weight");
  Parameter* head = find(*untied, "lm_head.weight");
  std::memcpy(head->master.data, embedding->master.data,
              static_cast<size_t>(head->master.nbytes()));
  untied->refresh(best_launch());
  tied.refresh(best_launch());
  const PackedRows packed = packed_tokens({20});
  Bench bench;
  gradients_of(*untied, packed, bench.ctx);
  gradients_of(tied, packed, bench.ctx);
  const Floats sum = floats_of(find(tied, "model.embed_tokens.weight")->grad);
  for (size_t i = 0; i < sum.size(); ++i) {
    EXPECT_NEAR(sum[i], embedding->grad.f32()[i] + head->grad.f32()[i], 1e-5);
  }
}

TEST(Transformer, CopiesWeightsIntoAnInferenceModelOfItsDtype) {
  for (Dtype dtype : {Dtype::kF32, Dtype::kBF16}) {
    const auto model = random_model(tiny_config(), dtype, best_launch());
    Transformer copy(tiny_config(), dtype, StoreUse::kReference);
    copy.copy_weights_from(*model);
    copy.refresh(best_launch());
    const PackedRows packed = packed_tokens({70, 4});
    const std::vector<int32_t> rows{0, 69, 73};
    Bench bench;
    const Floats a = floats_of(
        model->logits(bench.ctx, model->forward(bench.ctx, packed.rows(), nullptr), rows));
    const Floats b =
        floats_of(copy.logits(bench.ctx, copy.forward(bench.ctx, packed.rows(), nullptr), rows));
    EXPECT_TRUE(equal_bits(a, b));
  }
}

}  // namespace
}  // namespace r1
