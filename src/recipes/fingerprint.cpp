#include "recipes/fingerprint.h"

#include <algorithm>
#include <vector>

namespace r1 {
namespace {

constexpr uintmax_t kHashed = uintmax_t{64} << 20;

}  // namespace

Result<std::string> fingerprint_file(const Path& file) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(file, error);
  if (error) return fail("{}: {}", file.string(), error.message());
  if (size <= kHashed) {
    R1_TRY(const MappedFile mapped, MappedFile::open(file));
    return fmt::format("{} {}\n", file.filename().string(), checksum(mapped.bytes()));
  }
  const auto time = std::filesystem::last_write_time(file, error).time_since_epoch().count();
  return fmt::format("{} {} {}\n", file.filename().string(), size, time);
}

Result<std::string> fingerprint(const Path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return fingerprint_file(path);
  std::vector<Path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::string text;
  for (const Path& file : files) {
    R1_TRY(const std::string one, fingerprint_file(file));
    text += one;
  }
  return text;
}

Result<std::string> fingerprint_program() {
  R1_TRY(const MappedFile program, MappedFile::open("/proc/self/exe"));
  return checksum(program.bytes());
}

}  // namespace r1
