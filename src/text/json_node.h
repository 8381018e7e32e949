// A value inside a JSON file together with its place, so that every error can name the place.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/error.h"

namespace r1 {

/// A view: the document must outlive it.
class JsonNode {
 public:
  JsonNode(const nlohmann::json& value, std::string place)
      : value_(&value), place_(std::move(place)) {}

  const nlohmann::json& value() const { return *value_; }
  const std::string& place() const { return place_; }
  bool is_null() const;
  bool has(const char* key) const;  // present and not null

  /// The member, or a null node when absent.
  JsonNode at(const char* key) const;
  Result<std::vector<JsonNode>> items(const char* key) const;  // of an array; required

  /// Errors name the place and the type that was wanted.
  Result<std::string> text(const char* key) const;
  Result<std::string> text_or(const char* key, const std::string& otherwise) const;
  Result<bool> flag(const char* key, bool otherwise) const;
  Result<int64_t> integer(const char* key, int64_t low, int64_t high) const;
  /// The member "type".
  Result<std::string> type() const { return text("type"); }

 private:
  const nlohmann::json* value_;
  std::string place_;
};

/// Refuses what is not JSON with the byte where it breaks.
Result<nlohmann::json> parse_json(std::string_view text, const std::string& name);

}  // namespace r1
