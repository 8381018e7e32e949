#include "text/json_node.h"

#include <nlohmann/json.hpp>

namespace r1 {
namespace {
const nlohmann::json kNull;
}

bool JsonNode::is_null() const { return value_->is_null(); }

bool JsonNode::has(const char* key) const { return !at(key).is_null(); }

JsonNode JsonNode::at(const char* key) const {
  std::string place = place_ + "." + key;
  if (!value_->is_object()) return {kNull, std::move(place)};
  const auto found = value_->find(key);
  return {found == value_->end() ? kNull : *found, std::move(place)};
}

Result<std::vector<JsonNode>> JsonNode::items(const char* key) const {
  const JsonNode list = at(key);
  if (!list.value().is_array()) return fail("{}: must be a list", list.place());
  std::vector<JsonNode> nodes;
  for (size_t i = 0; i < list.value().size(); ++i) {
    nodes.emplace_back(list.value()[i], fmt::format("{}[{}]", list.place(), i));
  }
  return nodes;
}

Result<std::string> JsonNode::text(const char* key) const {
  const JsonNode node = at(key);
  if (!node.value().is_string()) return fail("{}: must be a string", node.place());
  return node.value().get<std::string>();
}

Result<std::string> JsonNode::text_or(const char* key, const std::string& otherwise) const {
  return has(key) ? text(key) : Result<std::string>(otherwise);
}

Result<bool> JsonNode::flag(const char* key, bool otherwise) const {
  const JsonNode node = at(key);
  if (node.is_null()) return otherwise;
  if (!node.value().is_boolean()) return fail("{}: must be true or false", node.place());
  return node.value().get<bool>();
}

Result<int64_t> JsonNode::integer(const char* key, int64_t low, int64_t high) const {
  const JsonNode node = at(key);
  const auto refused = fail("{}: must be a whole number from {} to {}", node.place(), low, high);
  if (!node.value().is_number_integer()) return refused;
  if (node.value().is_number_unsigned() && node.value().get<uint64_t>() > INT64_MAX) return refused;
  const auto number = node.value().get<int64_t>();
  if (number < low || number > high) return refused;
  return number;
}

Result<nlohmann::json> parse_json(std::string_view text, const std::string& name) {
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& error) {  // the library's only way to say where
    return fail("{}: not valid JSON: {}", name, error.what());
  }
}

}  // namespace r1
