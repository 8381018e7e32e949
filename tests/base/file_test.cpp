#include "base/file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "base/scratch.h"

namespace r1 {
namespace {

namespace fs = std::filesystem;

void write_plain(const Path& path, const std::string& text) { std::ofstream(path) << text; }

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// The error's text, or "" on success.
template <class T>
std::string message(const Result<T>& result) {
  return result ? "" : result.error().message;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(ReadText, ReturnsAllBytes) {
  const Scratch scratch;
  std::string text(200000, 'x');
  text[7] = '\0';
  write_plain(scratch / "a", text);
  EXPECT_EQ(read_text(scratch / "a").value(), text);
  write_plain(scratch / "empty", "");
  EXPECT_EQ(read_text(scratch / "empty").value(), "");
}

TEST(ReadText, ReadsFilesWithoutASize) {
  if (!fs::exists("/proc/self/status")) GTEST_SKIP() << "no /proc here";
  EXPECT_TRUE(contains(read_text("/proc/self/status").value(), "Pid:"));
}

TEST(ReadText, NamesThePathAndTheCause) {
  const Scratch scratch;
  const Path missing = scratch / "missing.json";
  EXPECT_EQ(message(read_text(missing)),
            missing.string() + ": cannot open: no such file or folder; check the path");
  EXPECT_TRUE(contains(message(read_text(scratch.path())), "it is a folder"));
  EXPECT_TRUE(contains(message(MappedFile::open(scratch.path())), "it is a folder"));
  EXPECT_TRUE(contains(message(MappedFile::open("/dev/null")), "a pipe or a device"));
}

TEST(MappedFile, ShowsTheBytesAndMoves) {
  const Scratch scratch;
  write_plain(scratch / "a", "hello");
  MappedFile a = MappedFile::open(scratch / "a").value();
  EXPECT_EQ(a.text(), "hello");
  MappedFile b = std::move(a);
  EXPECT_EQ(b.text(), "hello");
  MappedFile c;
  c = std::move(b);
  EXPECT_EQ(c.text(), "hello");
  EXPECT_EQ(c.bytes().size(), 5u);
}

TEST(MappedFile, OfAnEmptyFileIsEmpty) {
  const Scratch scratch;
  write_plain(scratch / "empty", "");
  EXPECT_TRUE(MappedFile::open(scratch / "empty").value().bytes().empty());
}

TEST(AtomicFile, ReplacesTheOldFileOnCommit) {
  const Scratch scratch;
  const Path path = scratch / "a";
  write_plain(path, "old");
  AtomicFile file = AtomicFile::create(path).value();
  ASSERT_TRUE(file.write("new "));
  ASSERT_TRUE(file.write("text"));
  EXPECT_EQ(read_text(path).value(), "old");
  ASSERT_TRUE(file.commit());
  EXPECT_EQ(read_text(path).value(), "new text");
  EXPECT_FALSE(fs::exists(scratch / "a.tmp"));
}

TEST(AtomicFile, LeavesTheOldFileWhenNotCommitted) {
  const Scratch scratch;
  const Path path = scratch / "a";
  write_plain(path, "old");
  {
    AtomicFile file = AtomicFile::create(path).value();
    ASSERT_TRUE(file.write("half of the n"));
    const AtomicFile moved = std::move(file);
    EXPECT_TRUE(fs::exists(scratch / "a.tmp"));
  }
  EXPECT_EQ(read_text(path).value(), "old");
  EXPECT_FALSE(fs::exists(scratch / "a.tmp"));
}

TEST(AtomicFile, TruncatesWhatAKilledRunLeft) {
  const Scratch scratch;
  write_plain(scratch / "a.tmp", "a long rest of a killed run");
  ASSERT_TRUE(write_text_atomic(scratch / "a", "short"));
  EXPECT_EQ(read_text(scratch / "a").value(), "short");
}

TEST(AtomicFile, KeepsALinkAndReplacesItsTarget) {
  const Scratch scratch;
  write_plain(scratch / "target", "old");
  fs::create_symlink(scratch / "target", scratch / "link");
  ASSERT_TRUE(write_text_atomic(scratch / "link", "new"));
  EXPECT_TRUE(fs::is_symlink(scratch / "link"));
  EXPECT_EQ(read_text(scratch / "target").value(), "new");
}

TEST(AtomicFile, ReportsAFullDisk) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  EXPECT_EQ(message(write_text_atomic("/dev/full", "text")),
            "/dev/full: cannot write: the disk is full; free some space or choose another folder");
  EXPECT_TRUE(fs::is_character_file("/dev/full"));  // a device is not renamed over
}

TEST(AtomicFile, WritesADeviceInPlace) {
  EXPECT_TRUE(write_text_atomic("/dev/null", "text"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST(AtomicFile, NamesWhatIsWrongWithThePath) {
  const Scratch scratch;
  write_plain(scratch / "file", "");
  EXPECT_TRUE(contains(message(write_text_atomic(scratch / "none/a", "")),
                       "the folder " + (scratch / "none").string() + " does not exist"));
  EXPECT_TRUE(contains(message(write_text_atomic(scratch / "file/a", "")), "not a folder"));
  EXPECT_TRUE(contains(message(write_text_atomic(scratch.path(), "")), "it is a folder"));
}

TEST(AtomicFile, ReportsMissingPermission) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  const Scratch scratch;
  fs::permissions(scratch.path(), fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_TRUE(contains(message(write_text_atomic(scratch / "a", "")), "permission denied"));
  fs::permissions(scratch.path(), fs::perms::owner_all);
}

TEST(AppendFile, KeepsTheGoodBeginningAndGrows) {
  const Scratch scratch;
  const Path path = scratch / "a.jsonl";
  {
    AppendFile file = AppendFile::open(path, 0).value();
    ASSERT_TRUE(file.append("one\n"));
    ASSERT_TRUE(file.append("two\ntor"));
    const AppendFile moved = std::move(file);
    EXPECT_EQ(moved.path(), path);
  }
  AppendFile file;
  file = AppendFile::open(path, 8).value();
  ASSERT_TRUE(file.append("three\n"));
  EXPECT_EQ(read_text(path).value(), "one\ntwo\nthree\n");
  EXPECT_TRUE(contains(message(AppendFile::open(scratch / "no" / "a", 0)), "does not exist"));
}

TEST(MakeFolder, MakesParentsAndAcceptsWhatIsThere) {
  const Scratch scratch;
  ASSERT_TRUE(make_folder(scratch / "a/b/c"));
  ASSERT_TRUE(make_folder(scratch / "a/b/c/"));
  EXPECT_TRUE(fs::is_directory(scratch / "a/b/c"));
  write_plain(scratch / "file", "");
  EXPECT_TRUE(contains(message(make_folder(scratch / "file")), "a file stands there"));
  EXPECT_TRUE(contains(message(make_folder(scratch / "file/below")), "a file stands there"));
}

// `xxhsum -H2` prints these.
TEST(Checksum, GivesTheKnownAnswersOfXxh3) {
  EXPECT_EQ(checksum({}), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(checksum(bytes_of("abc")), "06b05ab6733a618578af5f94892f3950");
}

// FIPS 180-4 examples; the lengths around the padding's edge against `sha256sum`.
TEST(Sha256, GivesTheKnownAnswersOfFips180) {
  EXPECT_EQ(sha256({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256(bytes_of("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256(bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(bytes_of(std::string(1000000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PadsRightAtEachLengthAroundABlock) {
  std::string digests;
  for (size_t n = 50; n <= 130; ++n) digests += sha256(bytes_of(std::string(n, 'x')));
  EXPECT_EQ(sha256(bytes_of(digests)),
            "bfae5272365759c9a8be930eaeaf8ac59f98a0969612db286641d5e114d94e14");
}

}  // namespace
}  // namespace r1
