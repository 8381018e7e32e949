#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/io_error.h"

namespace r1 {
namespace fs = std::filesystem;
namespace {

/// A descriptor that closes itself.
struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

/// Makes a rename in the folder survive a power cut.
Result<void> sync_folder(const Path& folder) {
  const Descriptor file{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (file.fd < 0) return io_error("open the folder", folder, errno);
  // Some file systems cannot sync a folder and say EINVAL: then there is nothing to wait for.
  if (::fsync(file.fd) != 0 && errno != EINVAL) return io_error("sync the folder", folder, errno);
  return {};
}

/// The error for a path whose folder is not there, which needs another remedy than a missing file.
tl::unexpected<Error> create_error(const Path& path, int code) {
  std::error_code ignored;
  const Path folder = path.parent_path();
  if (code == ENOENT && !folder.empty() && !fs::exists(folder, ignored)) {
    return fail("{}: cannot create: the folder {} does not exist; make it first", path.string(),
                folder.string());
  }
  return io_error("create", path, code);
}

}  // namespace

Result<MappedFile> MappedFile::open(const Path& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) return io_error("open", path, errno);
  struct stat info;
  if (::fstat(file.fd, &info) != 0) return io_error("inspect", path, errno);
  if (S_ISDIR(info.st_mode)) return io_error("read", path, EISDIR);
  if (!S_ISREG(info.st_mode)) {
    return fail("{}: cannot map: it is a pipe or a device; copy it to a file first", path.string());
  }
  MappedFile mapped;
  if (info.st_size == 0) return mapped;  // mmap refuses zero bytes
  const size_t size = static_cast<size_t>(info.st_size);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (data == MAP_FAILED) return io_error("map", path, errno);
  mapped.data_ = static_cast<const std::byte*>(data);
  mapped.size_ = size;
  return mapped;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Result<std::string> read_text(const Path& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) return io_error("open", path, errno);
  std::string text;
  struct stat info;
  if (::fstat(file.fd, &info) == 0 && S_ISREG(info.st_mode)) {
    text.reserve(static_cast<size_t>(info.st_size) + 1);
  }
  // The size is a hint only: pipes and /proc have none, and a file may grow while it is read.
  size_t n_read = 0;
  while (true) {
    if (text.size() - n_read < 4096) text.resize(std::max(text.capacity(), n_read + 65536));
    const ssize_t n = ::read(file.fd, text.data() + n_read, text.size() - n_read);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error("read", path, errno);
    if (n == 0) break;
    n_read += static_cast<size_t>(n);
  }
  text.resize(n_read);
  return text;
}

Result<AtomicFile> AtomicFile::create(const Path& path) {
  AtomicFile file;
  file.path_ = path;
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (fs::is_directory(status)) return io_error("write", path, EISDIR);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    // A device or a pipe is written in place: renaming over /dev/stdout would destroy it.
    file.fd_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (file.fd_ < 0) return io_error("write", path, errno);
    return file;
  }
  // A link stays a link; the file it points to is replaced.
  if (fs::is_symlink(path, code)) {
    file.path_ = fs::weakly_canonical(path, code);
    if (code) return io_error("follow the link", path, code.value());
  }
  file.temporary_ = file.path_;
  file.temporary_ += ".tmp";
  file.fd_ = ::open(file.temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file.fd_ < 0) {
    const int error = errno;
    file.temporary_.clear();
    return create_error(path, error);
  }
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::exchange(other.fd_, -1)) {}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<void> AtomicFile::write(std::span<const std::byte> bytes) {
  CHECK(fd_ >= 0, "write to {} after commit", path_.string());
  return write_all(fd_, bytes, path_);
}

Result<void> AtomicFile::commit() {
  CHECK(fd_ >= 0, "commit {} twice", path_.string());
  // EINVAL: a pipe or a device, which has nothing to sync.
  if (::fsync(fd_) != 0 && errno != EINVAL) return io_error("sync", path_, errno);
  if (::close(std::exchange(fd_, -1)) != 0) return io_error("close", path_, errno);
  if (temporary_.empty()) return {};
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return io_error("replace", path_, errno);
  temporary_.clear();
  const Path folder = path_.parent_path();
  return sync_folder(folder.empty() ? Path(".") : folder);
}

Result<void> write_text_atomic(const Path& path, std::string_view text) {
  R1_TRY(AtomicFile file, AtomicFile::create(path));
  R1_RETURN_IF_ERROR(file.write(text));
  return file.commit();
}

Result<AppendFile> AppendFile::open(const Path& path, size_t keep) {
  AppendFile file;
  file.path_ = path;
  file.fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (file.fd_ < 0) return create_error(path, errno);
  if (::ftruncate(file.fd_, static_cast<off_t>(keep)) != 0 || ::lseek(file.fd_, 0, SEEK_END) < 0)
    return io_error("cut", path, errno);
  return file;
}

AppendFile::AppendFile(AppendFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

AppendFile& AppendFile::operator=(AppendFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  return *this;
}

AppendFile::~AppendFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> AppendFile::append(std::string_view text) {
  CHECK(fd_ >= 0, "append to a file that was never opened");
  R1_RETURN_IF_ERROR(write_all(fd_, std::as_bytes(std::span(text)), path_));
  if (::fsync(fd_) != 0 && errno != EINVAL) return io_error("sync", path_, errno);
  return {};
}

Result<void> make_folder(const Path& path) {
  std::error_code code;
  fs::create_directories(path, code);
  if (fs::is_directory(path)) return {};
  if (fs::exists(path) || code == std::errc::not_a_directory) {
    return fail("{}: cannot make the folder: a file stands there; move it or choose another folder",
                path.string());
  }
  return io_error("make the folder", path, code.value());
}

std::string checksum(std::span<const std::byte> bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace r1
