#include "base/io_error.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace r1 {
namespace {

std::string cause_and_remedy(int code) {
  switch (code) {
    case ENOSPC:
      return "the disk is full; free some space or choose another folder";
    case EDQUOT:
      return "your disk quota is used up; free some space or choose another folder";
    case EACCES:
    case EPERM:
      return "permission denied; change the file's permissions or choose another path";
    case EROFS:
      return "the file system is read-only; choose another folder";
    case ENOENT:
      return "no such file or folder; check the path";
    case ENOTDIR:
      return "a part of the path is a file, not a folder; check the path";
    case EISDIR:
      return "it is a folder, not a file; name a file inside it";
    case ENAMETOOLONG:
      return "the name is too long; choose a shorter one";
    case EMFILE:
    case ENFILE:
      return "too many open files; raise the limit with ulimit -n";
    case EFBIG:
      return "the file would be larger than the file system or ulimit -f allows";
    case ENOMEM:
      return "out of memory; free some memory and run again";
    default:
      return std::strerror(code);
  }
}

}  // namespace

tl::unexpected<Error> io_error(const std::string& doing, const Path& path, int code) {
  return fail("{}: cannot {}: {}", path.string(), doing, cause_and_remedy(code));
}

Result<void> write_all(int fd, std::span<const std::byte> bytes, const Path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error("write", path, errno);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return {};
}

}  // namespace r1
