// Files: read whole or mapped; written under a temporary name, synced, then renamed.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace r1 {

using Path = std::filesystem::path;

/// A read-only mapping of a whole file. Movable; the bytes live as long as it does.
class MappedFile {
 public:
  static Result<MappedFile> open(const Path& path);
  MappedFile() = default;
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

Result<std::string> read_text(const Path& path);

/// A file that appears whole or not at all: written as PATH.tmp, fsync, rename, fsync of the
/// folder. Not committed: the temporary file is removed and what stood at PATH stays.
class AtomicFile {
 public:
  static Result<AtomicFile> create(const Path& path);
  ~AtomicFile();
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;

  /// Errors name the path and the cause (disk full, no permission).
  Result<void> write(std::span<const std::byte> bytes);
  Result<void> write(std::string_view text) { return write(std::as_bytes(std::span(text))); }
  Result<void> commit();

 private:
  AtomicFile() = default;
  Path path_, temporary_;
  int fd_ = -1;
};

Result<void> write_text_atomic(const Path& path, std::string_view text);

/// A file that grows: each append is on the disk when it returns. A kill in the middle of one may
/// leave a torn end, which the next open cuts away.
class AppendFile {
 public:
  /// Keeps the first `keep` bytes of what is there; the rest goes. Makes the file where none is.
  static Result<AppendFile> open(const Path& path, size_t keep);
  AppendFile() = default;
  ~AppendFile();
  AppendFile(AppendFile&& other) noexcept;
  AppendFile& operator=(AppendFile&& other) noexcept;

  Result<void> append(std::string_view text);
  const Path& path() const { return path_; }

 private:
  Path path_;
  int fd_ = -1;
};

/// Makes the folder and its parents; the error names the path and the remedy.
Result<void> make_folder(const Path& path);

/// XXH3-128 of the bytes as 32 hex digits.
std::string checksum(std::span<const std::byte> bytes);

/// SHA-256 as 64 hex digits: what `sha256sum` prints.
std::string sha256(std::span<const std::byte> bytes);

}  // namespace r1
