#include "models/published.h"

#include <algorithm>
#include <cctype>
#include <map>

namespace r1 {
namespace {

struct Published {
  const char* name;
  const char* json;
};

constexpr Published kPublished[] = {
#include <published_models.inc>
};

/// Other names of the same shapes.
const std::map<std::string, std::string> kAliases{
    {"deepseek-r1", "deepseek-v3"}, {"deepseek-r1-zero", "deepseek-v3"}, {"671b", "deepseek-v3"},
    {"236b", "deepseek-v2"},        {"16b", "deepseek-v2-lite"},         {"67b", "deepseek-67b"}};

const Published* find(std::string name) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  if (const auto alias = kAliases.find(name); alias != kAliases.end()) name = alias->second;
  const auto* it = std::ranges::find_if(kPublished, [&](const auto& p) { return p.name == name; });
  return it == std::end(kPublished) ? nullptr : it;
}

}  // namespace

Result<std::string> published_config(const std::string& name) {
  if (const Published* found = find(name)) return std::string(found->json);
  std::string known;
  for (const Published& p : kPublished) {
    if (!known.empty()) known += ", ";
    known += p.name;
  }
  return fail("no published model is called '{}'; there are {}", name, known);
}

std::string published_name(const std::string& name) {
  const Published* found = find(name);
  return found == nullptr ? "" : found->name;
}

std::vector<std::string> published_names() {
  std::vector<std::string> names;
  for (const Published& p : kPublished) names.emplace_back(p.name);
  return names;
}

}  // namespace r1
