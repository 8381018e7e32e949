#include "checkpoint/manifest.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/io_error.h"
#include "checkpoint/strict_json.h"

namespace r1 {
namespace {

using nlohmann::json;

/// Everything below the folder, sorted; folders too.
Result<std::vector<Path>> list_all(const Path& folder) {
  std::error_code failed;
  std::vector<Path> paths;
  auto at = std::filesystem::recursive_directory_iterator(folder, failed);
  for (; !failed && at != std::filesystem::recursive_directory_iterator(); at.increment(failed)) {
    paths.push_back(at->path());
  }
  if (failed) return fail("{}: cannot be listed: {}", folder.string(), failed.message());
  std::ranges::sort(paths);
  return paths;
}

Result<json> describe(const Path& folder, const Path& file) {
  R1_TRY(const MappedFile mapped, MappedFile::open(file));
  return json{{"name", file.lexically_relative(folder).generic_string()},
              {"bytes", mapped.bytes().size()},
              {"xxh3", checksum(mapped.bytes())}};
}

bool stays_below(const Path& name) {
  return !name.empty() && name.is_relative() && *name.lexically_normal().begin() != "..";
}

/// entry: one element of the manifest's list.
Result<void> verify_file(const Path& folder, const json& entry) {
  if (!entry.is_object() || !entry.value("name", json()).is_string() ||
      !entry.value("bytes", json()).is_number_unsigned() ||
      !entry.value("xxh3", json()).is_string() || !stays_below(entry["name"].get<std::string>())) {
    return fail("{} is damaged: an entry of 'files' is not {{name, bytes, xxh3}}", kManifestName);
  }
  const auto name = entry["name"].get<std::string>();
  std::error_code absent;
  if (!std::filesystem::is_regular_file(folder / name, absent)) return fail("{} is missing", name);
  R1_TRY(const MappedFile mapped, MappedFile::open(folder / name));
  const auto expected = entry["bytes"].get<uint64_t>();
  if (mapped.bytes().size() != expected) {
    return fail("{} is damaged: has {} of {} bytes", name, mapped.bytes().size(), expected);
  }
  if (checksum(mapped.bytes()) != entry["xxh3"].get<std::string>()) {
    return fail("{} is damaged: its checksum is not the one in {}", name, kManifestName);
  }
  return {};
}

}  // namespace

Result<void> sync_to_disk(const Path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return io_error("open", path, errno);
  const int code = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (code != 0 && code != EINVAL) return io_error("sync", path, code);  // EINVAL: nothing to sync
  return {};
}

Result<void> write_manifest(const Path& folder, int64_t step) {
  R1_TRY(const std::vector<Path> paths, list_all(folder));
  json manifest = {{"format", 1}, {"step", step}, {"files", json::array()}};
  for (const Path& path : paths) {
    R1_RETURN_IF_ERROR(sync_to_disk(path));
    std::error_code unreadable;
    if (std::filesystem::is_directory(path, unreadable)) continue;
    R1_TRY(json entry, describe(folder, path));
    manifest["files"].push_back(std::move(entry));
  }
  return write_text_atomic(folder / kManifestName, manifest.dump(2) + "\n");
}

Result<void> verify_manifest(const Path& folder, int64_t step) {
  R1_TRY(const std::string text, read_text(folder / kManifestName));
  const auto manifest = parse_strict_json(text);
  if (!manifest) return fail("{} is damaged: {}", kManifestName, manifest.error().message);
  const json none;
  if (!manifest->is_object() || manifest->value("format", none) != 1 ||
      manifest->value("step", none) != step || !manifest->value("files", none).is_array()) {
    return fail("{} is damaged: it lacks 'format' 1, 'step' {} or 'files'", kManifestName, step);
  }
  for (const json& entry : (*manifest)["files"]) R1_RETURN_IF_ERROR(verify_file(folder, entry));
  return {};
}

}  // namespace r1
