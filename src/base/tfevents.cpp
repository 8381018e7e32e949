#include "base/tfevents.h"

#include <array>
#include <bit>

namespace r1 {
namespace {

constexpr std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78 : 0);
    table[i] = crc;
  }
  return table;
}

std::string little_endian(uint64_t value, int n_bytes) {
  std::string bytes;
  for (int i = 0; i < n_bytes; ++i) bytes += static_cast<char>((value >> (8 * i)) & 0xFF);
  return bytes;
}

// ---- protobuf: a field is its tag (number, wire type), then its value ----

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7F) | 0x80);
  return bytes + static_cast<char>(value);
}

std::string tag(uint32_t number, WireType type) { return varint((number << 3) | type); }

std::string integer_field(uint32_t number, int64_t value) {
  return tag(number, kVarint) + varint(static_cast<uint64_t>(value));
}

std::string double_field(uint32_t number, double value) {
  return tag(number, kFixed64) + little_endian(std::bit_cast<uint64_t>(value), 8);
}

std::string float_field(uint32_t number, float value) {
  return tag(number, kFixed32) + little_endian(std::bit_cast<uint32_t>(value), 4);
}

std::string bytes_field(uint32_t number, const std::string& value) {
  return tag(number, kBytes) + varint(value.size()) + value;
}

uint32_t masked_crc(const std::string& bytes) {
  const uint32_t crc = crc32c(bytes);
  return std::rotr(crc, 15) + 0xA282EAD8;
}

/// TFRecord: length (8), its checksum (4), the bytes, their checksum (4).
std::string frame(const std::string& event) {
  const std::string length = little_endian(event.size(), 8);
  return length + little_endian(masked_crc(length), 4) + event +
         little_endian(masked_crc(event), 4);
}

// Field numbers of tensorflow/core/util/event.proto and framework/summary.proto.
constexpr uint32_t kEventWallTime = 1, kEventStep = 2, kEventFileVersion = 3, kEventSummary = 5,
                   kEventSessionLog = 7;
constexpr uint32_t kSessionLogStatus = 1, kSessionStart = 1;
constexpr uint32_t kSummaryValue = 1, kValueTag = 1, kValueSimple = 2;

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = make_crc_table();
  uint32_t crc = 0xFFFFFFFF;
  for (char byte : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<uint8_t>(byte)) & 0xFF];
  return ~crc;
}

std::string version_event(double wall_time) {
  return frame(double_field(kEventWallTime, wall_time) +
               bytes_field(kEventFileVersion, "brain.Event:2"));
}

std::string start_event(double wall_time, int64_t step) {
  return frame(double_field(kEventWallTime, wall_time) + integer_field(kEventStep, step) +
               bytes_field(kEventSessionLog, integer_field(kSessionLogStatus, kSessionStart)));
}

std::string scalars_event(double wall_time, int64_t step,
                          const std::vector<std::pair<std::string, double>>& values) {
  std::string summary;
  for (const auto& [name, value] : values) {
    summary += bytes_field(kSummaryValue, bytes_field(kValueTag, name) +
                                              float_field(kValueSimple, static_cast<float>(value)));
  }
  return frame(double_field(kEventWallTime, wall_time) + integer_field(kEventStep, step) +
               bytes_field(kEventSummary, summary));
}

}  // namespace r1
