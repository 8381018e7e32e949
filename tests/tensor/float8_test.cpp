#include "tensor/float8.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "tensor/tensor.h"

namespace r1 {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Float8, KnowsTheLandmarksOfE4m3) {
  EXPECT_EQ(e4m3_to_f32(0x00), 0.0f);
  EXPECT_TRUE(std::signbit(e4m3_to_f32(0x80)));
  EXPECT_EQ(e4m3_to_f32(0x01), 0x1p-9f);  // the least subnormal
  EXPECT_EQ(e4m3_to_f32(0x07), 7 * 0x1p-9f);
  EXPECT_EQ(e4m3_to_f32(0x08), 0x1p-6f);  // the least normal number
  EXPECT_EQ(e4m3_to_f32(0x38), 1.0f);
  EXPECT_EQ(e4m3_to_f32(0xBC), -1.5f);
  EXPECT_EQ(e4m3_to_f32(0x7E), 448.0f);
  EXPECT_TRUE(std::isnan(e4m3_to_f32(0x7F)));
  EXPECT_TRUE(std::isnan(e4m3_to_f32(0xFF)));
}

TEST(Float8, EveryCodeComesBackFromItsValue) {
  for (int code = 0; code < 256; ++code) {
    const uint8_t expected = code == 0xFF ? 0x7F : static_cast<uint8_t>(code);
    EXPECT_EQ(f32_to_e4m3(e4m3_to_f32(static_cast<uint8_t>(code))), expected) << code;
  }
}

TEST(Float8, RoundsToTheNearestCodeAndTiesToEven) {
  for (int code = 0; code < 0x7E; ++code) {
    const float low = e4m3_to_f32(static_cast<uint8_t>(code));
    const float high = e4m3_to_f32(static_cast<uint8_t>(code + 1));
    const float middle = (low + high) / 2;
    const int even = code + code % 2;
    EXPECT_EQ(f32_to_e4m3(middle), even) << middle;
    EXPECT_EQ(f32_to_e4m3(-middle), 0x80 | even) << middle;
    EXPECT_EQ(f32_to_e4m3(std::nextafter(middle, 0.0f)), code) << middle;
    EXPECT_EQ(f32_to_e4m3(std::nextafter(middle, kInfinity)), code + 1) << middle;
  }
}

TEST(Float8, SaturatesAndKeepsNotANumber) {
  EXPECT_EQ(f32_to_e4m3(449.0f), 0x7E);
  EXPECT_EQ(f32_to_e4m3(-1e30f), 0xFE);
  EXPECT_EQ(f32_to_e4m3(kInfinity), 0x7E);
  EXPECT_EQ(f32_to_e4m3(-kInfinity), 0xFE);
  EXPECT_EQ(f32_to_e4m3(std::nanf("")), 0x7F);
  EXPECT_EQ(f32_to_e4m3(1e-30f), 0x00);
  EXPECT_EQ(f32_to_e4m3(-0.0f), 0x80);
}

TEST(Float8, E5m2IsTheUpperByteOfAHalf) {
  EXPECT_EQ(e5m2_to_f32(0x3C), 1.0f);
  EXPECT_EQ(e5m2_to_f32(0x01), 0x1p-16f);
  EXPECT_EQ(e5m2_to_f32(0xFB), -57344.0f);
  EXPECT_EQ(e5m2_to_f32(0x7C), kInfinity);
  for (int code = 0; code < 256; ++code) {
    const float expected = f16_to_f32(static_cast<uint16_t>(code << 8));
    const float actual = e5m2_to_f32(static_cast<uint8_t>(code));
    EXPECT_EQ(std::bit_cast<uint32_t>(actual), std::bit_cast<uint32_t>(expected)) << code;
  }
}

}  // namespace
}  // namespace r1
