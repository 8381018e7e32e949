#include "checkpoint/strict_json.h"

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace r1 {

using nlohmann::json;

Result<json> parse_strict_json(std::string_view text) {
  std::vector<std::set<std::string>> names;  // one set for each open object
  std::string twice;
  const auto watch = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) names.emplace_back();
    if (event == json::parse_event_t::object_end) names.pop_back();
    if (event == json::parse_event_t::key) {
      const auto& name = parsed.get_ref<const std::string&>();
      if (!names.back().insert(name).second && twice.empty()) twice = name;
    }
    return true;
  };
  try {
    json parsed = json::parse(text.begin(), text.end(), watch);
    if (!twice.empty()) return fail("the name '{}' is there twice", twice);
    return parsed;
  } catch (const json::exception& error) {
    return fail("not valid JSON ({})", std::string(error.what()).substr(0, 200));
  }
}

}  // namespace r1
