#include "data/row.h"

#include <nlohmann/json.hpp>

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

Json message_json(const Message& message) {
  Json json{{"role", message.role}, {"content", message.content}};
  if (!message.reasoning_content.empty()) json["reasoning_content"] = message.reasoning_content;
  if (!message.name.empty()) json["name"] = message.name;
  if (!message.tool_call_id.empty()) json["tool_call_id"] = message.tool_call_id;
  if (!message.tool_calls_json.empty())
    json["tool_calls"] = Json::parse(message.tool_calls_json, nullptr, false);
  return json;
}

}  // namespace

std::string write_row(const Problem& problem, const std::string& provenance) {
  Json row{{"id", problem.id}};
  if (!problem.messages.empty()) {
    Json messages = Json::array();
    for (const Message& message : problem.messages) messages.push_back(message_json(message));
    if (!problem.completion.empty())
      messages.push_back({{"role", "assistant"}, {"content", problem.completion}});
    row["messages"] = std::move(messages);
  } else if (!problem.completion.empty()) {
    row["text"] = problem.completion;
  }
  if (!problem.answer.empty()) row["answer"] = problem.answer;
  if (problem.difficulty > 0) row["difficulty"] = problem.difficulty;
  for (const auto& [name, value] : problem.columns) row[name] = Json::parse(value, nullptr, false);
  if (!provenance.empty()) row["provenance"] = Json::parse(provenance, nullptr, false);
  return row.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace r1
