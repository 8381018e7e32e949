#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <cmath>

namespace r1 {
namespace {

TEST(Half, KnowsItsLandmarks) {
  EXPECT_EQ(f16_to_f32(0x3C00), 1.0f);
  EXPECT_EQ(f16_to_f32(0xC000), -2.0f);
  EXPECT_EQ(f16_to_f32(0x7BFF), 65504.0f);
  EXPECT_EQ(f16_to_f32(0x0001), 0x1p-24f);  // the least subnormal
  EXPECT_EQ(f16_to_f32(0x03FF), 1023 * 0x1p-24f);
  EXPECT_EQ(f16_to_f32(0x0400), 0x1p-14f);
  EXPECT_TRUE(std::signbit(f16_to_f32(0x8000)));
  EXPECT_EQ(f16_to_f32(0xFC00), -HUGE_VALF);
  EXPECT_TRUE(std::isnan(f16_to_f32(0x7E01)));
}

TEST(Half, EveryCodeComesBackFromItsValue) {
  for (uint32_t code = 0; code < 0x10000; ++code) {
    const auto half = static_cast<uint16_t>(code);
    if ((code & 0x7FFF) <= 0x7C00) {
      ASSERT_EQ(f32_to_f16(f16_to_f32(half)), half);
    }
  }
}

TEST(Half, TiesGoToTheEvenNeighbour) {
  for (uint16_t code = 0; code < 0x7BFF; ++code) {
    const float middle = (f16_to_f32(code) + f16_to_f32(code + 1)) / 2;
    ASSERT_EQ(f32_to_f16(middle), code + code % 2) << middle;
  }
}

TEST(Dtype, NamesAreRead) {
  for (Dtype dtype : {Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kQ8_0, Dtype::kQ4_0}) {
    EXPECT_EQ(parse_dtype(dtype_name(dtype)).value(), dtype);
  }
  EXPECT_EQ(parse_dtype("bfloat16").value(), Dtype::kBF16);
  EXPECT_EQ(parse_dtype("q3_k").error().message,
            "unknown dtype 'q3_k'; known: f32, bf16, f16, q8_0, q4_0");
}

TEST(DtypeDeathTest, ABlockFormatHasNoElementSize) {
  EXPECT_DEATH(dtype_size(Dtype::kQ8_0), "q8_0");
}

}  // namespace
}  // namespace r1
