#include <algorithm>

#include "checkpoint/gguf.h"
#include "checkpoint/gguf_types.h"

namespace r1 {
namespace {

template <class T>
const T* get(const GgufMetadata& metadata, std::string_view key) {
  const GgufValue* found = metadata.find(key);
  return found ? std::get_if<T>(&found->value) : nullptr;
}

}  // namespace

namespace gguf {

std::optional<StoredDtype> dtype_of(uint32_t id) {
  const auto row = std::ranges::find(kTypes, id, &TypeRow::id);
  if (row == kTypes.end()) return std::nullopt;
  return row->dtype;
}

std::optional<uint32_t> id_of(StoredDtype dtype) {
  const auto row = std::ranges::find(kTypes, dtype, &TypeRow::dtype);
  if (row == kTypes.end()) return std::nullopt;
  return row->id;
}

std::string type_name(uint32_t id) {
  constexpr std::array<std::pair<uint32_t, const char*>, 19> kOthers = {{{3, "Q4_1"},
                                                                         {6, "Q5_0"},
                                                                         {7, "Q5_1"},
                                                                         {9, "Q8_1"},
                                                                         {10, "Q2_K"},
                                                                         {11, "Q3_K"},
                                                                         {15, "Q8_K"},
                                                                         {16, "IQ2_XXS"},
                                                                         {17, "IQ2_XS"},
                                                                         {18, "IQ3_XXS"},
                                                                         {19, "IQ1_S"},
                                                                         {20, "IQ4_NL"},
                                                                         {21, "IQ3_S"},
                                                                         {22, "IQ2_S"},
                                                                         {23, "IQ4_XS"},
                                                                         {29, "IQ1_M"},
                                                                         {34, "TQ1_0"},
                                                                         {35, "TQ2_0"},
                                                                         {39, "MXFP4"}}};
  for (const auto& [other, name] : kOthers) {
    if (other == id) return name;
  }
  return fmt::format("number {}", id);
}

}  // namespace gguf

const GgufValue* GgufMetadata::find(std::string_view key) const {
  const auto at = std::ranges::find_if(entries, [&](const auto& e) { return e.first == key; });
  return at == entries.end() ? nullptr : &at->second;
}

void GgufMetadata::set(std::string key, GgufValue value) {
  const auto at = std::ranges::find_if(entries, [&](const auto& e) { return e.first == key; });
  if (at == entries.end()) {
    entries.emplace_back(std::move(key), std::move(value));
  } else {
    at->second = std::move(value);
  }
}

std::optional<int64_t> GgufMetadata::integer(std::string_view key) const {
  const auto* found = get<int64_t>(*this, key);
  if (found == nullptr || find(key)->type == GgufType::kBool) return std::nullopt;
  return *found;
}

std::optional<double> GgufMetadata::number(std::string_view key) const {
  if (const auto* found = get<double>(*this, key)) return *found;
  if (const auto whole = integer(key)) return static_cast<double>(*whole);
  return std::nullopt;
}

std::optional<bool> GgufMetadata::flag(std::string_view key) const {
  const auto* found = get<int64_t>(*this, key);
  if (found == nullptr || find(key)->type != GgufType::kBool) return std::nullopt;
  return *found != 0;
}

const std::string* GgufMetadata::text(std::string_view key) const {
  return get<std::string>(*this, key);
}
const std::vector<std::string>* GgufMetadata::texts(std::string_view key) const {
  return get<std::vector<std::string>>(*this, key);
}
const std::vector<int64_t>* GgufMetadata::integers(std::string_view key) const {
  return get<std::vector<int64_t>>(*this, key);
}
const std::vector<double>* GgufMetadata::numbers(std::string_view key) const {
  return get<std::vector<double>>(*this, key);
}

}  // namespace r1
