// MTP modules in files: names, embedding and head repeated for them, files and configs without.
#include "base/scratch.h"
#include "checkpoint/safetensors.h"
#include "models/family.h"
#include "models/golden_fixture.h"
#include "models/tiny_v3.h"

namespace r1 {
namespace {

/// Module 0's output for some tokens, as one sequence.
Floats module_output(const Transformer& model) {
  Bench bench;
  PackedRows packed({20});
  for (int32_t n = 0; n < 20; ++n) packed.tokens.push_back(n * n % 69);
  Tensor h = model.forward(bench.ctx, packed.rows(), nullptr);
  h = model.head().norm.forward(bench.ctx, h, nullptr);
  return floats_of(model.mtp_forward(bench.ctx, packed.rows(), 0, h, nullptr));
}

ModelAssets assets_of(const ModelConfig& config) {
  const auto family = find_family(config.architecture);
  EXPECT_TRUE(family);
  return {{"config.json", (*family)->write_config(config, "float32")}};
}

TEST(MtpFiles, AModelComesBackWithItsModules) {
  for (bool tied : {false, true}) {
    ModelConfig config = tiny_v3_config(2);
    config.tie_word_embeddings = tied;
    const auto model = random_v3(config, Dtype::kF32, best_launch());
    const Scratch scratch;
    ASSERT_TRUE(save_model(scratch.path(), *model, assets_of(config)));
    const Source source = Source::open(scratch.path()).value();
    for (const char* name :
         {"model.layers.2.enorm.weight", "model.layers.2.hnorm.weight",
          "model.layers.2.eh_proj.weight", "model.layers.2.shared_head.norm.weight",
          "model.layers.2.shared_head.head.weight", "model.layers.2.embed_tokens.weight",
          "model.layers.2.self_attn.kv_b_proj.weight",
          "model.layers.2.mlp.experts.3.up_proj.weight",
          "model.layers.2.mlp.gate.e_score_correction_bias", "model.layers.3.eh_proj.weight",
          "model.layers.3.input_layernorm.weight"}) {
      EXPECT_TRUE(source.find(name)) << name;
    }
    const auto same = [&](const char* a, const char* b) {
      return std::ranges::equal(source.find(a)->bytes, source.find(b)->bytes);
    };
    EXPECT_TRUE(same("model.layers.3.embed_tokens.weight", "model.embed_tokens.weight"));
    EXPECT_TRUE(same("model.layers.3.shared_head.head.weight",
                     tied ? "model.embed_tokens.weight" : "lm_head.weight"));
    const auto trained = load_golden(scratch.path(), StoreUse::kTraining);
    ASSERT_TRUE(trained);
    EXPECT_EQ(trained->mtp().size(), 2u);
    EXPECT_TRUE(equal_bits(module_output(*trained), module_output(*model)));
  }
}

TEST(MtpFiles, InferenceHasTheModulesOnlyWhenAsked) {
  const Scratch scratch;
  const auto model = random_v3(tiny_v3_config(), Dtype::kF32, best_launch());
  ASSERT_TRUE(save_model(scratch.path(), *model, assets_of(tiny_v3_config())));
  const auto without = load_model(scratch.path(), {.dtype = "f32"}, best_launch());
  const auto with = load_model(scratch.path(), {.dtype = "f32", .mtp = true}, best_launch());
  ASSERT_TRUE(without && with);
  EXPECT_TRUE(without->model->mtp().empty());
  EXPECT_LT(without->model->panel_bytes(), with->model->panel_bytes());
  EXPECT_TRUE(equal_bits(module_output(*with->model), module_output(*model)));
}

/// The model's file without the tensors for which `leaves` is true.
void leave_out(const Path& folder, const std::function<bool(const std::string&)>& leaves) {
  auto loaded = load_model(folder, {.dtype = "f32", .use = StoreUse::kTraining}, best_launch());
  ASSERT_TRUE(loaded) << loaded.error().message;
  std::vector<NamedTensor> tensors;
  for (const Parameter* p : loaded->model->store().parameters()) {
    if (!leaves(p->name)) tensors.push_back({p->name, p->weight});
  }
  ASSERT_TRUE(write_safetensors(folder, tensors));
}

TEST(MtpFiles, WordsThatWereNotRepeatedAreNotWritten) {
  const Scratch scratch;
  const auto model = random_v3(tiny_v3_config(), Dtype::kF32, best_launch());
  ASSERT_TRUE(save_model(scratch.path(), *model, assets_of(tiny_v3_config())));
  leave_out(scratch.path(), [](const std::string&) { return false; });
  auto loaded =
      load_model(scratch.path(), {.dtype = "f32", .use = StoreUse::kTraining}, best_launch());
  ASSERT_TRUE(loaded) << loaded.error().message;
  ASSERT_TRUE(save_model(scratch / "again", *loaded->model, loaded->assets));
  EXPECT_EQ(Source::open(scratch / "again").value().names(),
            Source::open(scratch.path()).value().names());
}

TEST(MtpFiles, AFileMayHoldNoneWhateverItsConfigSays) {
  const Scratch scratch;
  const auto model = random_v3(tiny_v3_config(), Dtype::kF32, best_launch());
  ASSERT_TRUE(save_model(scratch.path(), *model, assets_of(tiny_v3_config())));
  leave_out(scratch.path(), [](const std::string& n) { return n.starts_with("model.layers.2."); });
  for (StoreUse use : {StoreUse::kTraining, StoreUse::kInference}) {
    const auto loaded =
        load_model(scratch.path(), {.dtype = "f32", .use = use, .mtp = true}, best_launch());
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_TRUE(loaded->model->mtp().empty());
  }
}

TEST(MtpFiles, HalfAModuleIsAnErrorThatNamesTheRest) {
  const Scratch scratch;
  const auto model = random_v3(tiny_v3_config(), Dtype::kF32, best_launch());
  ASSERT_TRUE(save_model(scratch.path(), *model, assets_of(tiny_v3_config())));
  leave_out(scratch.path(), [](const std::string& n) { return n.ends_with("eh_proj.weight"); });
  const auto loaded = load_model(scratch.path(), {.mtp = true}, best_launch());
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("missing: model.layers.2.eh_proj.weight"),
            std::string::npos);
  EXPECT_TRUE(load_model(scratch.path(), {}, best_launch()));  // no module, no error
}

TEST(MtpFiles, AConfigOfAnAbsurdDepthIsRefused) {
  std::string config = assets_of(tiny_v3_config())["config.json"];
  for (const char* depth : {"-1", "65", "4000000000"}) {
    std::string text = config;
    const std::string field = "\"num_nextn_predict_layers\": ";
    const size_t at = text.find(field);
    ASSERT_NE(at, std::string::npos);
    text.replace(at + field.size(), 1, depth);
    const auto read = read_model_config(text);
    ASSERT_FALSE(read) << depth;
    EXPECT_NE(read.error().message.find("num_nextn_predict_layers is"), std::string::npos);
  }
}

}  // namespace
}  // namespace r1
