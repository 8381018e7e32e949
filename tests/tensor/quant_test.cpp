#include "tensor/quant.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "tensor/tensor.h"

namespace r1 {
namespace {

using Bytes = std::vector<std::byte>;
constexpr std::array kAll{BlockFormat::kQ8_0, BlockFormat::kQ4_0, BlockFormat::kQ4_K,
                          BlockFormat::kQ5_K, BlockFormat::kQ6_K};

std::string hex(const Bytes& bytes) {
  std::string text;
  for (std::byte byte : bytes) text += fmt::format("{:02x}", static_cast<int>(byte));
  return text;
}

Bytes quantized(BlockFormat format, const std::vector<float>& values) {
  const auto n = static_cast<int64_t>(values.size());
  Bytes blocks(n / block_elements(format) * block_bytes(format));
  quantize(format, values.data(), blocks.data(), n);
  return blocks;
}

std::vector<float> dequantized(BlockFormat format, const Bytes& blocks) {
  const auto n_blocks = static_cast<int64_t>(blocks.size()) / block_bytes(format);
  std::vector<float> values(n_blocks * block_elements(format));
  dequantize(format, blocks.data(), values.data(), static_cast<int64_t>(values.size()));
  return values;
}

uint64_t fnv1a(const std::vector<float>& values) {
  uint64_t hash = 0xCBF29CE484222325;
  for (float value : values) {
    std::array<uint8_t, 4> bytes;
    std::memcpy(bytes.data(), &value, 4);
    for (uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001B3;
  }
  return hash;
}

/// A block whose bytes count up in steps of 73, with the upper bytes of its halves in range.
Bytes counting_block(BlockFormat format) {
  Bytes block(block_bytes(format));
  for (size_t i = 0; i < block.size(); ++i) block[i] = static_cast<std::byte>((i * 73 + 29) % 256);
  if (format == BlockFormat::kQ6_K) {
    block[209] = std::byte{0x2C};
  } else {
    block[1] = std::byte{0x2C};
    block[3] = std::byte{0x28};
  }
  return block;
}

// The expected bytes and hashes are those of the Python package gguf 0.19 (gguf.quants).

TEST(Quant, WritesTheBytesOfTheReferenceQuantiser) {
  std::vector<float> values(32);
  for (int i = 0; i < 32; ++i) values[i] = static_cast<float>(i * 37 % 101 - 50) / 16;
  EXPECT_EQ(hex(quantized(BlockFormat::kQ8_0, values)),
            "4d2681df3d9af856b41270cd2b89e745a2005ebb1977d53390ee4caa0866c3217fdc");
  EXPECT_EQ(hex(quantized(BlockFormat::kQ4_0, values)), "4036e046acf258bd1379df358be046acf268");
}

TEST(Quant, ReadsWhatTheReferenceReads) {
  const auto q4 = dequantized(BlockFormat::kQ4_K, counting_block(BlockFormat::kQ4_K));
  EXPECT_EQ(q4[0], -0x1.0964p-1f);
  EXPECT_EQ(q4[255], 0x1.65a6p+1f);
  EXPECT_EQ(fnv1a(q4), 0xC68EC0992FFFF451);
  const auto q5 = dequantized(BlockFormat::kQ5_K, counting_block(BlockFormat::kQ5_K));
  EXPECT_EQ(q5[0], 0x1.051cp-1f);
  EXPECT_EQ(q5[255], 0x1.a776p+1f);
  EXPECT_EQ(fnv1a(q5), 0x8003A0C2AABFE59D);
  const auto q6 = dequantized(BlockFormat::kQ6_K, counting_block(BlockFormat::kQ6_K));
  EXPECT_EQ(q6[0], 0x1.d0b5p+2f);
  EXPECT_EQ(q6[255], 0x1.8e52p+3f);
  EXPECT_EQ(fnv1a(q6), 0xCE0AE52B47EB33E6);
}

TEST(Quant, ReadsBackScaleTimesIntegerExactly) {
  Bytes block(34);
  block[1] = std::byte{0x38};  // 0.5
  for (int i = 0; i < 32; ++i) block[2 + i] = static_cast<std::byte>(i * 8 - 128);
  const auto values = dequantized(BlockFormat::kQ8_0, block);
  for (int i = 0; i < 32; ++i) EXPECT_EQ(values[i], static_cast<float>(i * 8 - 128) * 0.5f);
  Bytes nibbles(18);
  nibbles[1] = std::byte{0x3C};  // 1
  for (int i = 0; i < 16; ++i) nibbles[2 + i] = static_cast<std::byte>(i | (15 - i) << 4);
  const auto small = dequantized(BlockFormat::kQ4_0, nibbles);
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(small[i], static_cast<float>(i - 8));
    EXPECT_EQ(small[i + 16], static_cast<float>(7 - i));
  }
}

TEST(Quant, RoundsHalvesAwayFromZero) {
  std::vector<float> values(32);
  values[0] = 127;  // so that the scale is 1
  values[1] = 0.5f;
  values[2] = -2.5f;
  values[3] = std::nextafter(0.5f, 0.0f);
  values[4] = 126.5f;
  const Bytes block = quantized(BlockFormat::kQ8_0, values);
  const auto q = [&](int i) { return static_cast<int8_t>(block[2 + i]); };
  EXPECT_EQ(q(0), 127);
  EXPECT_EQ(q(1), 1);
  EXPECT_EQ(q(2), -3);
  EXPECT_EQ(q(3), 0);
  EXPECT_EQ(q(4), 127);
}

TEST(Quant, ErrsByAFractionOfAStep) {
  Rng rng(3, 1);
  std::vector<float> values(32 * 40);
  for (float& value : values) value = rng.normal();
  for (BlockFormat format : {BlockFormat::kQ8_0, BlockFormat::kQ4_0}) {
    const auto back = dequantized(format, quantized(format, values));
    for (size_t block = 0; block < values.size(); block += 32) {
      float largest = 0;
      for (size_t i = 0; i < 32; ++i) largest = std::fmax(largest, std::fabs(values[block + i]));
      // 127 steps of a scale rounded to 11 bits; the positive side of Q4_0 ends one step short.
      const float step = format == BlockFormat::kQ8_0 ? 0.57f * largest / 127 : 1.01f * largest / 8;
      for (size_t i = block; i < block + 32; ++i) ASSERT_NEAR(back[i], values[i], step);
    }
  }
}

TEST(Quant, HostileNumbersDoNotCrash) {
  std::vector<float> values(32, 1.0f);
  values[0] = std::nanf("");
  values[1] = std::numeric_limits<float>::infinity();
  values[2] = -std::numeric_limits<float>::max();
  quantized(BlockFormat::kQ8_0, values);
  quantized(BlockFormat::kQ4_0, values);
  const std::vector<float> zeros(32), tiny(32, 1e-45f);
  EXPECT_EQ(dequantized(BlockFormat::kQ8_0, quantized(BlockFormat::kQ8_0, zeros)), zeros);
  EXPECT_EQ(dequantized(BlockFormat::kQ4_0, quantized(BlockFormat::kQ4_0, zeros)), zeros);
  quantized(BlockFormat::kQ8_0, tiny);
  quantized(BlockFormat::kQ4_0, tiny);
  for (BlockFormat format : kAll) {
    Rng rng(5, 1);
    Bytes block(block_bytes(format) * 50);
    for (std::byte& byte : block) byte = static_cast<std::byte>(rng.next() & 255);
    EXPECT_EQ(dequantized(format, block).size(), block_elements(format) * 50u);
  }
}

TEST(Quant, SizesAreGgmls) {
  const int64_t sizes[][2] = {{32, 34}, {32, 18}, {256, 144}, {256, 176}, {256, 210}};
  const char* names[] = {"Q8_0", "Q4_0", "Q4_K", "Q5_K", "Q6_K"};
  for (size_t i = 0; i < kAll.size(); ++i) {
    EXPECT_EQ(block_elements(kAll[i]), sizes[i][0]);
    EXPECT_EQ(block_bytes(kAll[i]), sizes[i][1]);
    EXPECT_STREQ(block_format_name(kAll[i]), names[i]);
  }
}

TEST(QuantDeathTest, RefusesRaggedBlocksAndFormatsItCannotWrite) {
  std::vector<float> values(256);
  Bytes blocks(256);
  EXPECT_DEATH(quantize(BlockFormat::kQ8_0, values.data(), blocks.data(), 33), "Q8_0");
  EXPECT_DEATH(quantize(BlockFormat::kQ4_K, values.data(), blocks.data(), 256), "Q4_K");
  EXPECT_DEATH(dequantize(BlockFormat::kQ4_K, blocks.data(), values.data(), 32), "256");
}

}  // namespace
}  // namespace r1
