#include "base/tfevents.h"

#include <gtest/gtest.h>

namespace r1 {
namespace {

std::string hex(const std::string& bytes) {
  static const char* digits = "0123456789abcdef";
  std::string text;
  for (unsigned char byte : bytes) text += {digits[byte >> 4], digits[byte & 15]};
  return text;
}

// RFC 3720, B.4.
TEST(Crc32c, GivesTheKnownAnswersOfRfc3720) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c(""), 0u);
}

// The bytes that tensorboard 2.21 writes for the same events (RecordWriter of Event protos).
TEST(TfEvents, EncodeAsTensorBoardDoes) {
  EXPECT_EQ(hex(version_event(1.5)),
            "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a32"
            "2a28646c");
  EXPECT_EQ(hex(start_event(1.5, 300)),
            "100000000000000095fbfe1809000000000000f83f10ac023a020801713b788a");
  EXPECT_EQ(hex(scalars_event(1.5, 300, {{"loss", 0.25}, {"lr", -1}})),
            "2600000000000000734fe30009000000000000f83f10ac022a180a0b0a046c6f73731500"
            "00803e0a090a026c7215000080bfeceaa93f");
}

}  // namespace
}  // namespace r1
