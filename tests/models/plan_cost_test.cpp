#include "models/plan_cost.h"

#include <gtest/gtest.h>

#include "models/family.h"
#include "models/published.h"

namespace r1 {
namespace {

ModelShape published(const std::string& name) {
  return ModelShape(read_model_config(published_config(name).value()).value());
}

TEST(PlanCost, V3sHoursFollowFromItsStatedThroughput) {
  const ModelShape v3 = published("deepseek-v3");
  const Device h800 = find_device("h800").value();
  const double rate = tokens_per_second(180e3);
  const double share = share_of_peak(v3, h800, PlanDtype::kFP8, 4096, rate, true);
  EXPECT_NEAR(device_hours(v3, h800, PlanDtype::kFP8, 14.8e12, 4096, share), 2.664e6, 1);
  EXPECT_NEAR(180e3 / 2048 / 24, 3.7, 0.05);  // days for a trillion tokens
  // Stated: 119K hours of context extension. FLOPs at the same share of peak say 2 % less.
  double extension = 0;
  for (const char* text : {"1000x1920x32768", "1000x480x131072"}) {
    const PhaseSize phase = parse_phase(text).value();
    EXPECT_EQ(phase.tokens(), 62'914'560e3);
    extension += device_hours(v3, h800, PlanDtype::kFP8, phase.tokens(), phase.length, share);
  }
  EXPECT_NEAR(extension / 119e3, 0.98, 0.005);
  const double total = 2.664e6 + 119e3 + 5e3;
  EXPECT_NEAR(total * h800.price, 5.576e6, 1);
  EXPECT_NEAR((2.664e6 + extension + 5e3) * h800.price / 5.576e6, 1, 0.01);
}

TEST(PlanCost, SharesOfPeakAreThosePublishedForV3) {
  // 272.8B tokens a day on 2048 devices: 43.73 % of the whole square and 38.94 % causal, of bf16.
  const ModelShape v3 = published("deepseek-v3");
  const Device h800 = find_device("h800").value();
  const double rate = 272.8e9 / 86400 / 2048;
  EXPECT_NEAR(share_of_peak(v3, h800, PlanDtype::kFP8, 4096, rate, true), 0.4373, 0.004);
  EXPECT_NEAR(share_of_peak(v3, h800, PlanDtype::kFP8, 4096, rate, false), 0.3894, 0.004);
}

TEST(PlanCost, StatedRunsAreChosenByKind) {
  EXPECT_EQ(stated_run(PlanDtype::kFP8, true).model, "deepseek-v3");
  EXPECT_EQ(stated_run(PlanDtype::kBF16, true).model, "deepseek-v2");
  EXPECT_EQ(stated_run(PlanDtype::kBF16, false).model, "deepseek-67b");
  const double v2 = stated_share(stated_run(PlanDtype::kBF16, true)).value();
  const double dense = stated_share(stated_run(PlanDtype::kBF16, false)).value();
  EXPECT_GT(v2, 0.29);
  EXPECT_LT(v2, 0.31);
  EXPECT_GT(dense, 0.40);
  EXPECT_LT(dense, 0.42);
  // V2 saves 42.5 % of the cost of DeepSeek 67B.                       [DeepSeek-V2, section 3.2.3]
  EXPECT_NEAR(1 - stated_run(PlanDtype::kBF16, true).hours_per_trillion /
                      stated_run(PlanDtype::kBF16, false).hours_per_trillion,
              0.425, 0.0005);
}

TEST(PlanCost, EveryDeviceHasWhatAPlanNeeds) {
  for (const Device& device : known_devices()) {
    EXPECT_EQ(find_device(device.name)->title, device.title);
    EXPECT_GT(device.bf16, device.f32) << device.name;
    EXPECT_GT(device.memory, 1e10) << device.name;
    EXPECT_GT(device.bandwidth, 1e11) << device.name;
    EXPECT_FALSE(device.source.empty()) << device.name;
  }
  EXPECT_NE(find_device("tpu").error().message.find("h800, h100"), std::string::npos);
}

TEST(PlanCost, CountsOfTokensAreReadAndHostileOnesRefused) {
  EXPECT_EQ(parse_count("14.8T").value(), 14.8e12);
  EXPECT_EQ(parse_count("300b").value(), 300e9);
  EXPECT_EQ(parse_count("5K").value(), 5000);
  EXPECT_EQ(parse_count("1e9").value(), 1e9);
  for (const char* wrong :
       {"", "T", "-1T", "0", "many", "1TT", "nan", "inf", "1e400", " 1", "1 T"}) {
    EXPECT_FALSE(parse_count(wrong)) << wrong;
  }
  for (const char* wrong : {"", "x", "1x2", "1x2x", "1x2x3x4", "0x1x1", "axbxc", "-1x1x1"}) {
    EXPECT_FALSE(parse_phase(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace r1
