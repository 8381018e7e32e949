// Token files: what was written is read back; a file that was cut or changed is refused, not
// followed.
#include "data/token_file.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/random.h"
#include "base/scratch.h"

namespace r1 {
namespace {

const std::string kHash = "0123456789abcdef0123456789abcdef";

using Ids = std::vector<int32_t>;
using Bytes = std::vector<std::byte>;

Bytes write(const std::vector<Ids>& documents, int64_t vocab_size) {
  Bytes bytes;
  auto writer = TokenWriter::begin(
      [&](std::span<const std::byte> more) -> Result<void> {
        bytes.insert(bytes.end(), more.begin(), more.end());
        return {};
      },
      kHash, vocab_size);
  EXPECT_TRUE(writer);
  for (size_t i = 0; i < documents.size(); ++i)
    EXPECT_TRUE(writer->add(documents[i], static_cast<int64_t>(100 + i)));
  EXPECT_EQ(writer->n_documents(), std::ssize(documents));
  EXPECT_TRUE(writer->finish());
  return bytes;
}

std::string error_of(Bytes bytes) {
  const auto file = TokenFile::from_bytes(std::move(bytes), "x.tokens");
  return file ? "" : file.error().message;
}

TEST(TokenFile, ReturnsWhatWasWrittenInTwoAndInFourBytes) {
  for (const int64_t vocab_size : {70, 65536, 65537, 129280}) {
    const int32_t last = static_cast<int32_t>(vocab_size - 1);
    const std::vector<Ids> documents{{1, 2, last}, {}, {7}, {last, 0, 5, 9, 3}};
    const Bytes bytes = write(documents, vocab_size);
    EXPECT_EQ(bytes.size() % 8, 0u);
    const auto file = TokenFile::from_bytes(bytes, "x");
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->n_documents(), 4);
    EXPECT_EQ(file->n_tokens(), 9);
    EXPECT_EQ(file->tokenizer(), kHash);
    for (size_t i = 0; i < documents.size(); ++i) {
      const int64_t row = static_cast<int64_t>(i);
      const auto ids = file->document(row, vocab_size);
      ASSERT_TRUE(ids);
      EXPECT_EQ(*ids, documents[i]);
      EXPECT_EQ(file->length(row), std::ssize(documents[i]));
      EXPECT_EQ(file->text_bytes(row), 100 + row);
    }
  }
}

TEST(TokenFile, HasTheDocumentedBytes) {
  const Bytes bytes = write({{258, 3}, {4}}, 300);
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto u64 = [](uint64_t n) { return std::string(reinterpret_cast<char*>(&n), 8); };
  EXPECT_EQ(text, "r1tokens" + std::string("\1\0\0\0\2\0\0\0", 8) + kHash +
                      std::string("\2\1\3\0\4\0\0\0", 8) + u64(0) + u64(2) + u64(3) + u64(100) +
                      u64(101) + u64(3) + u64(2) + "snekot1r");
}

TEST(TokenFile, IsMappedFromDisk) {
  const Scratch scratch;
  const Path path = scratch / "x.tokens";
  const Bytes bytes = write({{1, 2, 3}}, 10);
  ASSERT_TRUE(write_text_atomic(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  EXPECT_TRUE(TokenFile::is_one(path));
  auto file = TokenFile::open(path);
  ASSERT_TRUE(file);
  const TokenFile moved = std::move(*file);
  EXPECT_EQ(*moved.document(0, 10), (Ids{1, 2, 3}));
  ASSERT_TRUE(write_text_atomic(path, "{\"text\": \"a\"}\n"));
  EXPECT_FALSE(TokenFile::is_one(path));
  EXPECT_FALSE(TokenFile::open(path));
  EXPECT_FALSE(TokenFile::is_one(scratch / "absent"));
}

TEST(TokenFile, RefusesIdsBeyondTheVocabulary) {
  const auto file = TokenFile::from_bytes(write({{1}, {2, 9}}, 10), "x.tokens");
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->document(0, 9));
  const auto bad = file->document(1, 9);
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("x.tokens: document 1 has the id 9"), std::string::npos);
}

TEST(TokenFile, RefusesEveryLengthButItsOwn) {
  const Bytes whole = write({{1, 2, 3}, {4, 5}}, 10);
  for (size_t n = 0; n < whole.size(); ++n)
    EXPECT_NE(error_of({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n)}), "") << n;
  Bytes longer = whole;
  longer.insert(longer.end() - 24, 8, std::byte{0});
  EXPECT_NE(error_of(longer).find("bytes, the file has"), std::string::npos);
}

TEST(TokenFile, RefusesCountsThatWouldOverflow) {
  const Bytes whole = write({{1, 2, 3}, {4, 5}}, 10);
  for (const uint64_t n :
       {uint64_t{0}, uint64_t{1} << 32, uint64_t{1} << 61, uint64_t{1} << 63, ~uint64_t{0}}) {
    for (const size_t back : {24, 16}) {
      Bytes changed = whole;
      std::memcpy(changed.data() + changed.size() - back, &n, 8);
      EXPECT_NE(error_of(changed), "") << n << " at " << back;
    }
  }
}

/// Whatever is accepted can be read to its end.
TEST(TokenFile, SurvivesRandomChanges) {
  const Bytes whole = write({{1, 2, 3}, {}, {4, 5, 6, 7}}, 10);
  Rng rng(1, 1);
  int n_accepted = 0;
  for (int i = 0; i < 20000; ++i) {
    Bytes changed = whole;
    for (int64_t n = rng.between(1, 3); n > 0; --n) {
      const auto at = static_cast<size_t>(rng.below(std::ssize(changed)));
      changed[at] = static_cast<std::byte>(rng.below(256));
    }
    const auto file = TokenFile::from_bytes(std::move(changed), "x");
    if (!file) continue;
    ++n_accepted;
    int64_t sum = 0;
    for (int64_t d = 0; d < file->n_documents(); ++d) {
      const auto ids = file->document(d, int64_t{1} << 32);
      ASSERT_TRUE(ids);
      sum += std::ssize(*ids) + file->text_bytes(d) * 0;
    }
    EXPECT_EQ(sum, file->n_tokens());
  }
  EXPECT_GT(n_accepted, 0);
}

}  // namespace
}  // namespace r1
