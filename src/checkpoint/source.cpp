#include "checkpoint/source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "checkpoint/fp8.h"
#include "checkpoint/strict_json.h"

namespace r1 {
namespace {

using nlohmann::json;
using WeightMap = std::map<std::string, std::string>;  // tensor name, file name

/// "a, b, c and 7 more"
std::string list_some(const std::vector<std::string>& items) {
  constexpr size_t kShown = 8;
  const std::span shown(items.data(), std::min(items.size(), kShown));
  std::string text = fmt::format("{}", fmt::join(shown, ", "));
  if (items.size() > kShown) text += fmt::format(" and {} more", items.size() - kShown);
  return text;
}

Result<WeightMap> parse_index(std::string_view text) {
  R1_TRY(const json index, parse_strict_json(text));
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object()) {
    return fail("field 'weight_map' is not an object; download the index again");
  }
  WeightMap weight_map;
  for (const auto& [name, file] : index["weight_map"].items()) {
    const std::string file_name = file.is_string() ? file.get<std::string>() : "";
    if (file_name.empty() || file_name.find_first_of("/\\") != std::string::npos ||
        !file_name.ends_with(".safetensors")) {
      return fail(
          "field 'weight_map': tensor '{}' is not given a .safetensors file of this folder; "
          "download the index again",
          name);
    }
    weight_map[name] = file_name;
  }
  return weight_map;
}

/// The shards' file names, all of which exist.
Result<std::set<std::string>> shard_names(const Path& folder, const WeightMap& weight_map) {
  std::set<std::string> names;
  for (const auto& [tensor, file] : weight_map) names.insert(file);
  std::vector<std::string> missing;
  for (const std::string& name : names) {
    std::error_code unreadable;
    if (!std::filesystem::exists(folder / name, unreadable)) missing.push_back(name);
  }
  if (!missing.empty()) {
    return fail("{} of {} shards are missing: {}; download them into {}", missing.size(),
                names.size(), list_some(missing), folder.string());
  }
  return names;
}

/// The index must name each tensor of each shard, and nothing else.
Result<void> check_names(const WeightMap& weight_map, const WeightMap& found,
                         const std::vector<std::string>& unexpected) {
  std::vector<std::string> missing;
  for (const auto& [name, file] : weight_map) {
    if (!found.contains(name)) missing.push_back(fmt::format("{} (in {})", name, file));
  }
  if (missing.empty() && unexpected.empty()) return {};
  std::string text;
  if (!missing.empty()) text += fmt::format("the shards lack {}", list_some(missing));
  if (!unexpected.empty()) {
    text += fmt::format("{}it does not list {}", text.empty() ? "" : "; ", list_some(unexpected));
  }
  return fail("index and shards disagree: {}; download index and shards of one revision", text);
}

Result<std::vector<SafetensorsFile>> open_shards(const Path& folder, const WeightMap& weight_map) {
  R1_TRY(const std::set<std::string> names, shard_names(folder, weight_map));
  std::vector<SafetensorsFile> files;
  WeightMap found;
  std::vector<std::string> unexpected;
  for (const std::string& name : names) {
    R1_TRY(SafetensorsFile file, SafetensorsFile::open(folder / name));
    for (const StoredTensor& tensor : file.tensors()) {
      const auto listed = weight_map.find(tensor.name);
      if (listed == weight_map.end() || listed->second != name) {
        unexpected.push_back(fmt::format("{} (in {})", tensor.name, name));
      } else {
        found[tensor.name] = name;
      }
    }
    files.push_back(std::move(file));
  }
  R1_RETURN_IF_ERROR(check_names(weight_map, found, unexpected));
  return files;
}

/// The tensors of all files, and the files.
Source gather(std::vector<SafetensorsFile> opened) {
  std::vector<MappedFile> files;
  std::vector<StoredTensor> tensors;
  for (SafetensorsFile& file : opened) {
    tensors.insert(tensors.end(), file.tensors().begin(), file.tensors().end());
    files.push_back(std::move(file).take_file());
  }
  return Source::of(std::move(files), std::move(tensors));
}

Result<Source> open_weights(const Path& folder) {
  std::error_code unreadable;
  const Path index = folder / kIndexName;
  if (std::filesystem::exists(index, unreadable)) {
    R1_TRY(const std::string text, read_text(index));
    const auto weight_map = parse_index(text);
    if (!weight_map) return fail_with(weight_map.error().with(index.string()));
    auto files = open_shards(folder, *weight_map);
    if (!files) return fail_with(files.error().with(index.string()));
    return gather(std::move(*files));
  }
  if (std::filesystem::exists(folder / kWeightsName, unreadable)) {
    return Source::open_file(folder / kWeightsName);
  }
  if (!std::filesystem::is_directory(folder, unreadable)) {
    return fail("{}: no such folder; give the folder of a Hugging Face model", folder.string());
  }
  return fail(
      "{}: holds neither {} nor {}; give the folder of a Hugging Face model with safetensors "
      "weights",
      folder.string(), kWeightsName, kIndexName);
}

Result<Fp8BlockSize> block_size_of(const Path& folder) {
  std::error_code unreadable;
  const Path config = folder / "config.json";
  if (!std::filesystem::exists(config, unreadable)) return Fp8BlockSize{};
  R1_TRY(const std::string text, read_text(config));
  auto size = read_fp8_block_size(text);
  if (!size) return fail_with(size.error().with(config.string()));
  return size;
}

}  // namespace

Result<Source> Source::open(const Path& folder) {
  R1_TRY(Source source, open_weights(folder));
  const auto is_fp8 = [](const StoredTensor& t) { return t.dtype == StoredDtype::kF8E4M3; };
  if (std::ranges::none_of(source.tensors_, is_fp8)) return source;
  R1_TRY(const Fp8BlockSize block, block_size_of(folder));
  auto paired = pair_fp8_scales(source.tensors_, block);
  if (!paired) return fail_with(paired.error().with(folder.string()));
  return source;
}

Result<Source> Source::open_file(const Path& file) {
  R1_TRY(SafetensorsFile opened, SafetensorsFile::open(file));
  std::vector<SafetensorsFile> files;
  files.push_back(std::move(opened));
  return gather(std::move(files));
}

Source Source::of(std::vector<MappedFile> files, std::vector<StoredTensor> tensors) {
  Source source;
  source.files_ = std::move(files);
  source.tensors_ = std::move(tensors);
  std::ranges::sort(source.tensors_, {}, &StoredTensor::name);
  return source;
}

const StoredTensor* Source::find(std::string_view name) const {
  const auto at = std::ranges::lower_bound(tensors_, name, {}, &StoredTensor::name);
  return at != tensors_.end() && at->name == name ? &*at : nullptr;
}

std::vector<std::string> Source::names() const {
  std::vector<std::string> names;
  for (const StoredTensor& tensor : tensors_) {
    if (!tensor.is_consumed) names.push_back(tensor.name);
  }
  return names;
}

}  // namespace r1
