#include "text/chat_template.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "text/jinja_interpreter.h"
#include "text/unicode.h"

namespace r1 {
namespace {

using jinja::Dict;
using jinja::List;
using jinja::Value;

constexpr size_t kMaxTemplateBytes = 1 << 20;

Result<Value> parse_value(const std::string& json, const std::string& name) {
  const auto parsed = nlohmann::ordered_json::parse(json, nullptr, false);
  if (parsed.is_discarded()) return fail("{}: not valid JSON", name);
  try {
    return jinja::value_from_json(parsed);
  } catch (const jinja::TemplateError& error) {
    return fail("{}: {}", name, error.message);
  }
}

Result<Value> message_value(const Message& message, size_t index) {
  Dict members = {{"role", to_utf8(message.role)}, {"content", to_utf8(message.content)}};
  if (!message.reasoning_content.empty()) {
    members.emplace_back("reasoning_content", to_utf8(message.reasoning_content));
  }
  if (!message.name.empty()) members.emplace_back("name", to_utf8(message.name));
  if (!message.tool_calls_json.empty()) {
    const std::string place = fmt::format("messages[{}].tool_calls", index);
    R1_TRY(Value calls, parse_value(message.tool_calls_json, place));
    if (!calls.is_list()) return fail("{}: must be a list", place);
    members.emplace_back("tool_calls", std::move(calls));
    if (message.content.empty()) members[1].second = jinja::None{};
  }
  return Value(std::move(members));
}

/// A template parsed once, rendered as often as needed.
class ChatTemplate {
 public:
  static Result<ChatTemplate> make(const std::string& source, const std::string& bos_token,
                                   const std::string& eos_token, const std::string& extra_json) {
    ChatTemplate made;
    if (source.empty()) return fail("chat template: the model has none");
    if (source.size() > kMaxTemplateBytes) return fail("chat template: longer than a megabyte");
    R1_TRY(const Value extra, parse_value(extra_json, "template variables"));
    if (!extra.is_dict()) return fail("template variables: must be a JSON object");
    made.variables_ = extra.dict();
    for (const char* name : {"tools", "documents"}) {  // as transformers gives them
      if (!extra.member(name)) made.variables_.emplace_back(name, jinja::None{});
    }
    made.variables_.emplace_back("bos_token", to_utf8(bos_token));
    made.variables_.emplace_back("eos_token", to_utf8(eos_token));
    try {
      made.block_ = jinja::parse(to_utf8(source));
    } catch (const jinja::TemplateError& error) {
      return fail("chat template: line {}: {}", error.line, error.message);
    }
    return made;
  }

  Result<jinja::Rendered> render(std::span<const Message> messages,
                                 bool add_generation_prompt) const {
    List list;
    for (size_t i = 0; i < messages.size(); ++i) {
      R1_TRY(Value message, message_value(messages[i], i));
      list.push_back(std::move(message));
    }
    try {
      Dict variables = {{"messages", std::move(list)},
                        {"add_generation_prompt", add_generation_prompt}};
      variables.insert(variables.end(), variables_.begin(), variables_.end());
      return jinja::Interpreter(std::move(variables)).run(block_);
    } catch (const jinja::TemplateError& error) {
      return fail("chat template: line {}: {}", error.line, error.message);
    }
  }

 private:
  jinja::Block block_;
  Dict variables_;
};

/// A prompt without the <think> that newer R1 templates write into it: the turn itself may drop it.
std::string_view without_think_prefill(std::string_view prompt) {
  for (const std::string_view tail : {"<think>\n", "<think>"}) {
    if (prompt.ends_with(tail)) return prompt.substr(0, prompt.size() - tail.size());
  }
  return prompt;
}

/// Where the assistant's message i begins and ends in the whole text, if it stands there unchanged.
Result<std::optional<std::pair<size_t, size_t>>> find_turn(const ChatTemplate& chat,
                                                           std::span<const Message> messages,
                                                           size_t i, const std::string& text) {
  R1_TRY(const auto prompt, chat.render(messages.first(i), true));
  R1_TRY(const auto turn, chat.render(messages.first(i + 1), false));
  std::string_view before = prompt.text;
  if (!text.starts_with(before)) before = without_think_prefill(before);
  const bool is_there =
      text.starts_with(before) && text.starts_with(turn.text) && turn.text.size() > before.size();
  if (!is_there) return std::nullopt;
  return std::pair(before.size(), turn.text.size());
}

}  // namespace

Result<std::string> render_chat(const std::string& source, const std::vector<Message>& messages,
                                bool add_generation_prompt, const std::string& bos_token,
                                const std::string& eos_token, const std::string& extra_json) {
  R1_TRY(const auto chat, ChatTemplate::make(source, bos_token, eos_token, extra_json));
  R1_TRY(auto rendered, chat.render(messages, add_generation_prompt));
  return std::move(rendered.text);
}

Result<RenderedChat> render_chat_spans(const std::string& source,
                                       const std::vector<Message>& messages,
                                       const std::string& bos_token, const std::string& eos_token,
                                       const std::string& extra_json) {
  R1_TRY(const auto chat, ChatTemplate::make(source, bos_token, eos_token, extra_json));
  R1_TRY(auto rendered, chat.render(messages, false));
  RenderedChat result{std::move(rendered.text), std::move(rendered.generation)};
  if (rendered.has_generation_blocks) return result;
  bool is_last_found = true;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role != "assistant") continue;
    R1_TRY(const auto span, find_turn(chat, messages, i, result.text));
    if (span) result.assistant.push_back(*span);
    is_last_found = span.has_value();
  }
  if (!is_last_found) {
    return fail(
        "chat template: cannot tell which text the last assistant message gives; "
        "put {{% generation %}} blocks around it in the template");
  }
  return result;
}

}  // namespace r1
