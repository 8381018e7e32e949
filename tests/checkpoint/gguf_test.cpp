// GGUF files: bytes made by hand are read, what is written is read back, damage is refused.
#include "checkpoint/gguf.h"

#include <gtest/gtest.h>

#include "checkpoint/fixtures.h"

namespace r1 {
namespace {

/// A file made by hand, field by field.
struct Bytes {
  std::string text;
  template <class T>
  Bytes& number(T value) {
    text.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Bytes& string(const std::string& s) {
    number<uint64_t>(s.size());
    text += s;
    return *this;
  }
  Bytes& pad() {
    text.resize((text.size() + 31) / 32 * 32);
    return *this;
  }
  std::span<const std::byte> span() const { return std::as_bytes(std::span(text)); }
};

Bytes head(uint32_t version, uint64_t n_tensors, uint64_t n_keys) {
  Bytes bytes;
  bytes.text = "GGUF";
  bytes.number(version).number(n_tensors).number(n_keys);
  return bytes;
}

Bytes info(Bytes bytes, const std::string& name, std::vector<uint64_t> sizes, uint32_t type,
           uint64_t offset) {
  bytes.string(name).number(static_cast<uint32_t>(sizes.size()));
  for (const uint64_t size : sizes) bytes.number(size);
  bytes.number(type).number(offset);
  return bytes;
}

/// One of each kind of value, a matrix of 2 rows of 3 and a row of Q8_0.
Bytes whole_file(uint32_t version = 3) {
  Bytes b = head(version, 2, 5);
  b.string("a.count").number<uint32_t>(4).number<uint32_t>(7);
  b.string("a.flag").number<uint32_t>(7).number<uint8_t>(1);
  b.string("a.list").number<uint32_t>(9).number<uint32_t>(8).number<uint64_t>(2);
  b.string("one").string("two");
  b.string("a.real").number<uint32_t>(6).number<float>(0.5f);
  b.string("a.text").number<uint32_t>(8).string("hello");
  b = info(b, "m", {3, 2}, 0, 0);
  b = info(b, "q", {32}, 8, 32);
  b.pad();
  for (int i = 0; i < 6; ++i) b.number<float>(static_cast<float>(i));
  b.pad();
  b.text.append(34, '\x01');
  return b;
}

TEST(Gguf, ReadsAFileMadeByHand) {
  for (const uint32_t version : {2u, 3u}) {
    const Bytes file = whole_file(version);
    const auto contents = parse_gguf(file.span());
    ASSERT_TRUE(ok(contents));
    const GgufMetadata& metadata = contents->metadata;
    EXPECT_EQ(metadata.integer("a.count"), 7);
    EXPECT_EQ(metadata.flag("a.flag"), true);
    EXPECT_EQ(*metadata.texts("a.list"), (std::vector<std::string>{"one", "two"}));
    EXPECT_EQ(metadata.number("a.real"), 0.5);
    EXPECT_EQ(*metadata.text("a.text"), "hello");
    EXPECT_FALSE(metadata.integer("a.text").has_value());
    ASSERT_EQ(contents->tensors.size(), 2u);
    const StoredTensor& m = contents->tensors[0];
    EXPECT_EQ(m.shape, (std::vector<int64_t>{2, 3}));
    float last;
    std::memcpy(&last, m.bytes.data() + 5 * sizeof(float), sizeof last);
    EXPECT_EQ(last, 5.0f);
    EXPECT_EQ(contents->tensors[1].dtype, StoredDtype::kQ8_0);
    EXPECT_EQ(contents->tensors[1].bytes.size(), 34u);
  }
}

TEST(Gguf, EveryTruncationIsAnError) {
  const Bytes file = whole_file();
  for (size_t n = 0; n < file.text.size(); ++n) {
    const auto cut = parse_gguf(file.span().first(n));
    ASSERT_FALSE(cut.has_value()) << n;
    EXPECT_FALSE(cut.error().message.empty());
  }
}

TEST(Gguf, EveryDamagedByteIsReadOrRefused) {
  const Bytes file = whole_file();
  for (size_t at = 0; at < file.text.size(); ++at) {
    for (const char value : {'\x00', '\x7F', '\xFF'}) {
      Bytes damaged = file;
      damaged.text[at] = value;
      const auto contents = parse_gguf(damaged.span());
      if (!contents) continue;
      for (const StoredTensor& tensor : contents->tensors) {
        EXPECT_LE(tensor.bytes.data() + tensor.bytes.size(),
                  damaged.span().data() + damaged.text.size());
      }
    }
  }
}

TEST(Gguf, HugeCountsAreRefusedBeforeAnyWork) {
  constexpr uint64_t kHuge = uint64_t{1} << 61;
  expect_error(parse_gguf(head(3, 0, kHuge).span()), {"keys", "do not fit"});
  expect_error(parse_gguf(head(3, kHuge, 0).span()), {"tensors", "do not fit"});
  Bytes list = head(3, 0, 1);
  list.string("k").number<uint32_t>(9).number<uint32_t>(4).number(kHuge);
  expect_error(parse_gguf(list.span()), {"'k'", "items"});
  Bytes text = head(3, 0, 1);
  text.string("k").number<uint32_t>(8).number(kHuge);
  expect_error(parse_gguf(text.span()), {"'k'", "truncated"});
  expect_error(parse_gguf(info(head(3, 1, 0), "t", {kHuge, kHuge}, 0, 0).span()),
               {"'t'", "dimension"});
  expect_error(parse_gguf(info(head(3, 1, 0), "t", {kHuge / 4}, 0, 0).span()), {"'t'"});
}

TEST(Gguf, TensorsThatOverlapOrStickOutAreRefused) {
  Bytes overlap = info(info(head(3, 2, 0), "a", {16}, 0, 0), "b", {16}, 0, 32).pad();
  overlap.text.append(256, '\0');
  expect_error(parse_gguf(overlap.span()), {"'b'", "overlaps"});
  Bytes outside = info(head(3, 1, 0), "a", {16}, 0, uint64_t{1} << 40).pad();
  outside.text.append(64, '\0');
  expect_error(parse_gguf(outside.span()), {"'a'", "truncated"});
  Bytes crooked = info(head(3, 1, 0), "a", {16}, 0, 4).pad();
  crooked.text.append(128, '\0');
  expect_error(parse_gguf(crooked.span()), {"'a'", "multiple of 32"});
}

TEST(Gguf, OtherVersionsTypesAndFilesAreRefusedByName) {
  expect_error(parse_gguf(whole_file(1).span()), {"version 1"});
  expect_error(parse_gguf(head(0x03000000, 0, 0).span()), {"big-endian"});
  Bytes other;
  other.text = "not a GGUF file at all";
  expect_error(parse_gguf(other.span()), {"'GGUF'"});
  expect_error(parse_gguf(info(head(3, 1, 0), "t", {256}, 10, 0).span()), {"'t'", "Q2_K"});
  expect_error(parse_gguf(info(head(3, 1, 0), "t", {256}, 4711, 0).span()), {"'t'", "4711"});
  expect_error(parse_gguf(info(head(3, 1, 0), "t", {33}, 8, 0).span()), {"'t'", "33", "32"});
  Bytes twice = head(3, 0, 2);
  twice.string("k").number<uint32_t>(4).number<uint32_t>(7);
  twice.string("k").number<uint32_t>(4).number<uint32_t>(7);
  expect_error(parse_gguf(twice.span()), {"'k'", "twice"});
}

TEST(Gguf, WhatIsWrittenIsReadBack) {
  const TestFolder folder;
  const Path path = folder.path / "model.gguf";
  GgufMetadata metadata;
  metadata.set("general.architecture", GgufValue::text("llama"));
  metadata.set("n", GgufValue::u32(5));
  metadata.set("n", GgufValue::u32(6));
  metadata.set("list", GgufValue::texts({"a", "", "ü"}));
  metadata.set("ids", GgufValue::i32s({-1, 2}));
  metadata.set("scores", GgufValue::f32s({0.25, -3}));
  metadata.set("flag", GgufValue::boolean(true));
  auto writer = GgufWriter::create(
      path, metadata, {{"a", StoredDtype::kBF16, {3, 5}}, {"b", StoredDtype::kQ4_0, {2, 32}}});
  ASSERT_TRUE(ok(writer));
  std::string bytes(3 * 5 * 2 + 2 * 18, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i);
  for (size_t at = 0; at < bytes.size(); at += 7) {  // pieces know nothing of tensors
    const std::string piece = bytes.substr(at, 7);
    ASSERT_TRUE(ok(writer->write(std::as_bytes(std::span(piece)))));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_TRUE(ok(writer->commit()));
  const auto file = GgufFile::open(path);
  ASSERT_TRUE(ok(file));
  EXPECT_EQ(file->contents.metadata.integer("n"), 6);
  EXPECT_EQ(*file->contents.metadata.integers("ids"), (std::vector<int64_t>{-1, 2}));
  EXPECT_EQ(*file->contents.metadata.numbers("scores"), (std::vector<double>{0.25, -3}));
  EXPECT_EQ(file->contents.metadata.texts("list")->at(2), "ü");
  const StoredTensor& b = file->contents.tensors[1];
  EXPECT_EQ(b.shape, (std::vector<int64_t>{2, 32}));
  EXPECT_EQ(std::memcmp(b.bytes.data(), bytes.data() + 30, 36), 0);
}

TEST(Gguf, ErrorsNameTheFile) {
  const TestFolder folder;
  write_bytes(folder.path / "x.gguf", "GG");
  expect_error(GgufFile::open(folder.path / "x.gguf"), {"x.gguf", "truncated"});
  expect_error(GgufFile::open(folder.path / "none.gguf"), {"none.gguf"});
}

}  // namespace
}  // namespace r1
