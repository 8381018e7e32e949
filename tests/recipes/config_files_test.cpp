#include <gtest/gtest.h>

#include "recipes/quickstart.h"

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

}  // namespace
}  // namespace r1
