// Files that lie: every one is refused with a clear error, or gives views inside the file.
#include "checkpoint/fixtures.h"
#include "checkpoint/safetensors.h"

namespace r1 {
namespace {

/// Exactly as much memory as the file, so that a sanitizer sees any read beyond it.
struct Bytes {
  std::unique_ptr<char[]> memory;
  std::span<const std::byte> span;
  explicit Bytes(const std::string& text) : memory(std::make_unique<char[]>(text.size())) {
    std::memcpy(memory.get(), text.data(), text.size());
    span = std::as_bytes(std::span(memory.get(), text.size()));
  }
};

Result<std::vector<StoredTensor>> parse(const std::string& text) {
  return parse_safetensors(Bytes(text).span);  // views are dead, names and errors live
}

Result<std::vector<StoredTensor>> parse_header(const std::string& header, size_t n_data) {
  return parse(safetensors_bytes(header, n_data));
}

const char* const kGood = R"({"__metadata__":{"format":"pt"},)"
                          R"("a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                          R"("b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]}})";

void expect_inside(std::span<const std::byte> file, const std::vector<StoredTensor>& tensors) {
  for (const StoredTensor& tensor : tensors) {
    ASSERT_GE(tensor.bytes.data(), file.data());
    ASSERT_LE(tensor.bytes.data() + tensor.bytes.size(), file.data() + file.size());
    int64_t n = stored_dtype_size(tensor.dtype);
    for (int64_t size : tensor.shape) n *= size;
    ASSERT_EQ(static_cast<int64_t>(tensor.bytes.size()), n);
  }
}

TEST(SafetensorsHostile, TheGoodFileIsGood) { EXPECT_TRUE(ok(parse_header(kGood, 32))); }

TEST(SafetensorsHostile, EveryTruncationIsNamed) {
  const std::string whole = safetensors_bytes(kGood, 32);
  for (size_t length = 0; length < whole.size(); ++length) {
    expect_error(parse(whole.substr(0, length)),
                 {"file is truncated: has", "download or copy it again"});
  }
  expect_error(parse(whole.substr(0, whole.size() - 5)),
               {("has " + std::to_string(whole.size() - 5) + " of " + std::to_string(whole.size()))
                    .c_str()});
  expect_error(parse(whole + "x"), {"its header describes"});
}

TEST(SafetensorsHostile, EveryFlippedBitIsRefusedOrHarmless) {
  const std::string whole = safetensors_bytes(kGood, 32);
  int n_refused = 0, n_read = 0;
  for (size_t bit = 0; bit < 8 * (whole.size() - 32); ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] ^= static_cast<char>(1 << bit % 8);
    const Bytes file(flipped);
    const auto tensors = parse_safetensors(file.span);
    ++(tensors ? n_read : n_refused);
    if (tensors) expect_inside(file.span, *tensors);
  }
  EXPECT_GT(n_refused, 1000);
  EXPECT_GT(n_read, 0);  // a letter of a name
}

TEST(SafetensorsHostile, ALengthBeyondAllReasonIsRefused) {
  expect_error(parse(std::string(16, '\xff')), {"header length", "limit"});
  expect_error(parse("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
               {"git lfs pull"});
}

TEST(SafetensorsHostile, WhatIsNotAHeaderIsRefused) {
  expect_error(parse_header("", 0), {"header", "JSON"});
  expect_error(parse_header("[1,2]", 0), {"not a JSON object"});
  expect_error(parse_header("{\"a\":{}", 0), {"not valid JSON"});
  expect_error(parse_header("{\"\xff\":{}}", 0), {"not valid JSON"});
  expect_error(parse_header("{\"a\":1e999}", 0), {"not valid JSON"});
  expect_error(parse_header(std::string(1'000'000, '['), 0), {"not valid JSON"});
  expect_error(parse_header(R"({"a":7})", 0), {"tensor \"a\"", "not an object"});
}

TEST(SafetensorsHostile, NamesGivenTwiceAreRefused) {
  const std::string a = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  expect_error(parse_header("{" + a + "," + a + "}", 1), {"'a' is there twice"});
  expect_error(
      parse_header(R"({"a":{"dtype":"U8","shape":[2],"shape":[1],"data_offsets":[0,1]}})", 1),
      {"'shape' is there twice"});
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return "{\"w\":{\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets +
         "}}";
}

TEST(SafetensorsHostile, BadFieldsAreNamed) {
  expect_error(parse_header(R"({"w":{}})", 1), {"tensor \"w\"", "'dtype'"});
  expect_error(parse_header(entry("7", "[1]", "[0,1]"), 1), {"'dtype'"});
  expect_error(parse_header(entry("\"F4\"", "[1]", "[0,1]"), 1), {"\"F4\"", "F8_E8M0"});
  expect_error(parse_header(entry("\"U8\"", "1", "[0,1]"), 1), {"'shape'"});
  expect_error(parse_header(entry("\"U8\"", "[1]", "[0]"), 1), {"'data_offsets'", "1 numbers"});
  expect_error(parse_header(entry("\"U8\"", "[1]", "[1,0]"), 1), {"begin 1 is after end 0"});
  expect_error(parse_header(entry("\"U8\"", "[1]", "{}"), 1), {"'data_offsets'"});
  expect_error(parse_header(entry("\"U8\"", "[[1]]", "[0,1]"), 1), {"'shape'", "nested"});
  expect_error(parse_header(entry("\"U8\"", "[\"1\"]", "[0,1]"), 1), {"'shape'"});
}

TEST(SafetensorsHostile, ImpossibleShapesAreRefused) {
  for (const char* shape : {"[-1]", "[1.0]", "[1e0]", "[9223372036854775808]",
                            "[18446744073709551616]", "[null]", "[true]"}) {
    expect_error(parse_header(entry("\"U8\"", shape, "[0,1]"), 1), {"'shape'", "whole number"});
  }
  // Products that wrap around to the size of the file must not pass.
  expect_error(parse_header(entry("\"F32\"", "[4611686018427387905]", "[0,4]"), 4), {"2^63"});
  expect_error(parse_header(entry("\"U8\"", "[4294967296,4294967296]", "[0,0]"), 0), {"2^63"});
  expect_error(parse_header(entry("\"U8\"", "[4294967296,4294967296,0]", "[0,0]"), 0), {"2^63"});
  expect_error(parse_header(entry("\"F32\"", "[2]", "[0,4]"), 4),
               {"room for 4 bytes", "(2) takes 8"});
}

std::string two(const std::string& first, const std::string& second) {
  return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + first +
         R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}";
}

TEST(SafetensorsHostile, OverlapsHolesAndStraysAreRefused) {
  EXPECT_TRUE(ok(parse_header(two("[4,8]", "[0,4]"), 8)));
  expect_error(parse_header(two("[0,4]", "[3,7]"), 7), {"'b'", "overlap"});
  expect_error(parse_header(two("[0,4]", "[0,4]"), 4), {"overlap"});
  expect_error(parse_header(two("[0,4]", "[5,9]"), 9), {"'b'", "a hole"});
  expect_error(parse_header(two("[1,5]", "[5,9]"), 9), {"'a'", "a hole"});
  expect_error(parse_header(two("[0,4]", "[9223372036854775803,9223372036854775807]"), 8),
               {"a hole"});
  expect_error(parse_header(two("[0,4]", "[4,8]"), 6), {"truncated"});
}

TEST(SafetensorsHostile, AFileThatIsNotThereIsNamed) {
  const TestFolder folder;
  expect_error(SafetensorsFile::open(folder.path / "none.safetensors"), {"none.safetensors"});
  expect_error(SafetensorsFile::open(folder.path), {folder.path.c_str()});
  write_bytes(folder.path / "empty.safetensors", "");
  expect_error(SafetensorsFile::open(folder.path / "empty.safetensors"),
               {"empty.safetensors", "truncated"});
}

}  // namespace
}  // namespace r1
