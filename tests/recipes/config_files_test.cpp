#include <gtest/gtest.h>

#include "recipes/claims.h"
#include "recipes/pipeline.h"
#include "recipes/presets.h"
#include "train/sample.h"

namespace r1 {
namespace {

TEST(ConfigFiles, TheQuickstartsRecipeIsTheFilesAndItsBaseIsTheTinyV3) {
  const auto text = read_text(Path(R1_SOURCE_DIR) / "recipes" / "r1.toml");
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, r1_recipe());
  const auto pipeline = read_pipeline(*text, "r1.toml");
  ASSERT_TRUE(pipeline) << pipeline.error().message;
  ASSERT_NE(pipeline->find("base"), nullptr);
  PretrainConfig base, preset = v3_tiny();
  const auto applied = apply_toml(list_fields(base), pipeline->find("base")->config, "base");
  ASSERT_TRUE(applied) << applied.error().message;
  preset.train.save_steps = base.train.save_steps;
  EXPECT_EQ(to_toml(list_fields(base)), to_toml(list_fields(preset)));
}

TEST(ConfigFiles, TheTinyV3FileHoldsThePreset) {
  const Path file = Path(R1_SOURCE_DIR) / "recipes" / "v3-tiny.toml";
  const auto text = read_text(file);
  ASSERT_TRUE(text) << text.error().message;
  PretrainConfig read, preset = v3_tiny();
  const auto applied = apply_toml(list_fields(read), *text, file.string());
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(to_toml(list_fields(read)), to_toml(list_fields(preset)));
}

TEST(ConfigFiles, TheSmallClaimsStartFromTheSmallV3) {
  const Path folder = Path(R1_SOURCE_DIR) / "recipes";
  const auto claims = read_text(folder / "claims-small.toml"),
             small = read_text(folder / "v3-small.toml");
  ASSERT_TRUE(claims && small);
  ClaimsConfig read;
  PretrainConfig preset;
  ASSERT_TRUE(apply_toml(list_fields(read), *claims, "claims-small.toml"));
  ASSERT_TRUE(apply_toml(list_fields(preset), *small, "v3-small.toml"));
  for (PretrainConfig* c : {&read.base, &preset}) {  // what a claim sets itself
    c->gate = {};
    c->train.max_steps = c->train.save_steps = 0;
  }
  EXPECT_EQ(to_toml(list_fields(read.base)), to_toml(list_fields(preset)));
}

TEST(ConfigFiles, TheV3RecipesDescribeModelsThatCanBeBuilt) {
  for (const auto& [name, least, most] :
       {std::tuple{"v3-tiny.toml", 5e5, 7.5e5}, {"v3-small.toml", 1.9e7, 2.3e7}}) {
    const Path file = Path(R1_SOURCE_DIR) / "recipes" / name;
    const auto text = read_text(file);
    ASSERT_TRUE(text) << text.error().message;
    PretrainConfig config;
    const auto applied = apply_toml(list_fields(config), *text, file.string());
    ASSERT_TRUE(applied) << applied.error().message;
    EXPECT_TRUE(config.balance.validate());
    const auto shape = new_model_config(config.new_model, 70, 1, 2);
    ASSERT_TRUE(shape) << shape.error().message;
    const Transformer model(*shape, Dtype::kF32, StoreUse::kPlan);
    EXPECT_GT(static_cast<double>(model.n_parameters()), least) << name;
    EXPECT_LT(static_cast<double>(model.n_parameters()), most) << name;
  }
}

TEST(ConfigFiles, TheSamplingFileIsReadAndItsFiltersCanBeMade) {
  const Path file = Path(R1_SOURCE_DIR) / "recipes" / "sample.toml";
  const auto text = read_text(file);
  ASSERT_TRUE(text) << text.error().message;
  SampleConfig config;
  const auto applied = apply_toml(list_fields(config), *text, file.string());
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_TRUE(QualityFilters::make(config.quality));
}

}  // namespace
}  // namespace r1
