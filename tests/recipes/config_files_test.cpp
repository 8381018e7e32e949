#include <gtest/gtest.h>

#include "recipes/claims.h"
#include "recipes/presets.h"
#include "recipes/quickstart.h"
#include "train/sample.h"

namespace r1 {
namespace {

TEST(ConfigFiles, TheQuickstartsFileHoldsItsDefaults) {
  const Path file = Path(R1_SOURCE_DIR) / "recipes" / "quickstart.toml";
  const auto text = read_text(file);
  ASSERT_TRUE(text) << text.error().message;
  QuickstartConfig defaults, read;
  read.seed = 7;  // so that silence would show
  read.zero.train.learning_rate = 7;
  const auto applied = apply_toml(list_fields(read), *text, file.string());
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(to_toml(list_fields(read)), to_toml(list_fields(defaults)));
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
