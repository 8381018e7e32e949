#include "text/chat_template.h"

#include <algorithm>
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

constexpr size_t kMaxTemplateBytes = 1 << 20, kNowhere = std::string::npos;

Result<Value> parse_value(const std::string& json, const std::string& name) {
  const auto parsed = nlohmann::ordered_json::parse(json, nullptr, false);
  if (parsed.is_discarded()) return fail("{}: not valid JSON", name);
  try {
    return jinja::value_from_json(parsed);
  } catch (const jinja::TemplateError& error) {
    return fail("{}: {}", name, error.message);
  }
}

/// Whether the message only calls tools.
bool has_calls_alone(const Message& message) {
  return !message.tool_calls_json.empty() && message.content.empty();
}

Result<Value> message_value(const Message& message, size_t index, bool none_beside_calls) {
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
  }
  if (none_beside_calls && has_calls_alone(message)) members[1].second = jinja::None{};
  if (!message.tool_call_id.empty()) {
    members.emplace_back("tool_call_id", to_utf8(message.tool_call_id));
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
    made.eos_token_ = to_utf8(eos_token);
    made.variables_.emplace_back("eos_token", made.eos_token_);
    try {
      made.block_ = jinja::parse(to_utf8(source));
    } catch (const jinja::TemplateError& error) {
      return fail("chat template: line {}: {}", error.line, error.message);
    }
    return made;
  }

  Result<jinja::Rendered> render(std::span<const Message> messages,
                                 bool add_generation_prompt) const {
    auto rendered = render_as(messages, add_generation_prompt, true);
    const bool may_mind_none = std::any_of(messages.begin(), messages.end(), has_calls_alone);
    if (rendered || !may_mind_none) return rendered;
    return render_as(messages, add_generation_prompt, false);
  }

  const std::string& eos_token() const { return eos_token_; }

 private:
  Result<jinja::Rendered> render_as(std::span<const Message> messages, bool add_generation_prompt,
                                    bool none_beside_calls) const {
    List list;
    for (size_t i = 0; i < messages.size(); ++i) {
      R1_TRY(Value message, message_value(messages[i], i, none_beside_calls));
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

  jinja::Block block_;
  Dict variables_;
  std::string eos_token_;
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
  R1_TRY(auto turn, chat.render(messages.first(i + 1), false));
  std::string_view before = prompt.text;
  if (!text.starts_with(before)) before = without_think_prefill(before);
  if (!text.starts_with(turn.text) && turn.text.ends_with(chat.eos_token())) {
    turn.text.resize(turn.text.size() - chat.eos_token().size());  // Phi: behind the last turn only
  }
  const bool is_there =
      text.starts_with(before) && text.starts_with(turn.text) && turn.text.size() > before.size();
  if (!is_there) return std::nullopt;
  return std::pair(before.size(), turn.text.size());
}

/// What the message thinks before it answers, without the white space around.
std::string_view thought_of(const Message& message) {
  std::string_view thought = message.reasoning_content;
  if (const size_t end = message.content.find("</think>"); thought.empty() && end != kNowhere) {
    thought = std::string_view(message.content).substr(0, end);
    const size_t open = thought.find("<think>");
    if (open != kNowhere) thought.remove_prefix(open + std::string_view("<think>").size());
  }
  const size_t begin = std::min(thought.find_first_not_of(" \n\r\t"), thought.size());
  thought.remove_prefix(begin);
  while (!thought.empty() && std::string_view(" \n\r\t").find(thought.back()) != kNowhere) {
    thought.remove_suffix(1);
  }
  return thought;
}

/// Whether the last turn is all there: a template that drops its thought would teach to answer
/// without one.
Result<void> check_last_turn(std::span<const Message> messages, const RenderedChat& chat) {
  const auto last = std::find_if(messages.rbegin(), messages.rend(),
                                 [](const Message& m) { return m.role == "assistant"; });
  if (last == messages.rend()) return {};
  const auto [begin, end] =
      chat.assistant.empty() ? std::pair<size_t, size_t>() : chat.assistant.back();
  const std::string_view turn = std::string_view(chat.text).substr(begin, end - begin);
  if (turn.find(to_utf8(thought_of(*last))) != kNowhere) return {};
  return fail(
      "chat template: it leaves out the reasoning of the last assistant message; write a template "
      "that keeps it (chat_template.jinja in the model folder), or remove the reasoning from the "
      "data");
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
  if (rendered.has_generation_blocks) {
    R1_RETURN_IF_ERROR(check_last_turn(messages, result));
    return result;
  }
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
  R1_RETURN_IF_ERROR(check_last_turn(messages, result));
  return result;
}

}  // namespace r1
