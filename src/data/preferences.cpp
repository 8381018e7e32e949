#include "data/preferences.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

namespace r1 {
namespace {

using Json = nlohmann::json;

/// A column that read_problems did not use; nullopt: absent or null.
std::optional<Json> column(const Problem& row, const char* name) {
  const auto it = row.columns.find(name);
  if (it == row.columns.end()) return std::nullopt;
  Json value = Json::parse(it->second, nullptr, false);
  if (value.is_discarded() || value.is_null()) return std::nullopt;
  return value;
}

Result<Message> message_of(const Json& value, const std::string& where) {
  if (!value.is_object()) return fail("{}: expected a message", where);
  const auto role = value.find("role"), content = value.find("content");
  if (role == value.end() || !role->is_string()) return fail("{}: no role", where);
  if (content == value.end() || !content->is_string()) return fail("{}: no content", where);
  return Message{.role = role->get<std::string>(), .content = content->get<std::string>()};
}

/// A response as written: text, or messages of which the last is the assistant's and those before
/// it belong to the prompt.
struct Response {
  std::vector<Message> before;
  std::string text;
};

Result<Response> response_of(const Json& value, const std::string& name) {
  if (value.is_string()) return Response{{}, value.get<std::string>()};
  if (!value.is_array() || value.empty()) {
    return fail("{}: expected text or a list of messages", name);
  }
  Response response;
  for (size_t i = 0; i < value.size(); ++i) {
    R1_TRY(Message message, message_of(value[i], fmt::format("{}[{}]", name, i)));
    response.before.push_back(std::move(message));
  }
  if (response.before.back().role != "assistant") {
    return fail("{}: its last message is not the assistant's", name);
  }
  response.text = std::move(response.before.back().content);
  response.before.pop_back();
  return response;
}

bool same(const std::vector<Message>& a, const std::vector<Message>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Message& x, const Message& y) {
    return x.role == y.role && x.content == y.content;
  });
}

Result<PreferencePair> pair_of(const Problem& row, const Json& chosen_column) {
  const auto rejected_column = column(row, "rejected");
  if (!rejected_column) return fail("a chosen response and no rejected one");
  R1_TRY(Response chosen, response_of(chosen_column, "chosen"));
  R1_TRY(Response rejected, response_of(*rejected_column, "rejected"));
  if (!same(chosen.before, rejected.before)) {
    return fail("chosen and rejected do not begin with the same messages");
  }
  PreferencePair pair{row.id, row.messages, std::move(chosen.text), std::move(rejected.text)};
  pair.prompt.insert(pair.prompt.end(), chosen.before.begin(), chosen.before.end());
  const auto margin = column(row, "margin");
  if (!margin) return pair;
  if (!margin->is_number() || !std::isfinite(margin->get<double>())) {
    return fail("margin: expected a number, found {}", margin->dump());
  }
  pair.margin = margin->get<double>();
  return pair;
}

Result<bool> label_of(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number() && (value == 0 || value == 1)) return value == 1;
  if (value == "safe" || value == "true" || value == "1") return true;
  if (value == "unsafe" || value == "false" || value == "0") return false;
  return fail("label: expected true or false, 1 or 0, \"safe\" or \"unsafe\"; found {}",
              value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Result<void> add_row(PreferenceData& data, Problem& row) {
  if (const auto chosen = column(row, "chosen")) {
    R1_TRY(PreferencePair pair, pair_of(row, *chosen));
    data.pairs.push_back(std::move(pair));
    return {};
  }
  const auto label = column(row, "label");
  if (!label) return fail("neither chosen and rejected, nor completion and label");
  if (row.completion.empty()) return fail("a label and no completion");
  R1_TRY(const bool is_good, label_of(*label));
  data.labelled.push_back({row.id, std::move(row.messages), std::move(row.completion), is_good});
  return {};
}

}  // namespace

Result<PreferenceData> read_preferences(const Path& jsonl, const DatasetOptions& options) {
  R1_TRY(std::vector<Problem> rows, read_problems(jsonl, options));
  PreferenceData data;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (auto added = add_row(data, rows[i]); !added) {
      return fail("{}: row {}: {}", jsonl.string(), i + 1, added.error().message);
    }
    if (data.pairs.empty() || data.labelled.empty()) continue;
    return fail("{}: row {}: pairs and labelled responses in one file; train on one at a time",
                jsonl.string(), i + 1);
  }
  return data;
}

}  // namespace r1
