// Messages to the prompt text of a model, by the Jinja template that comes with it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace r1 {

/// Empty optional members are not given to the template.
struct Message {
  std::string role{}, content{};
  std::string reasoning_content{}, name{};
  std::string tool_calls_json{};  // a JSON list; empty content beside it is none to the template,
                                  // or, where the template cannot take that, empty text
  std::string tool_call_id{};     // of a tool's answer
};

/// Renders a conversation. Templates are not trusted: steps, bytes and recursion are limited, and
/// an error names the line. extra_json: an object of more variables (tools, enable_thinking, …).
/// strftime_now gives today's date in UTC; set the template's date variable for equal prompts.
/// Encode the result with EncodeOptions::add_special = false: templates write BOS themselves.
Result<std::string> render_chat(const std::string& source, const std::vector<Message>& messages,
                                bool add_generation_prompt, const std::string& bos_token,
                                const std::string& eos_token, const std::string& extra_json = "{}");

struct RenderedChat {
  std::string text;
  std::vector<std::pair<size_t, size_t>> assistant;  // bytes [begin, end) that the assistant wrote
};

/// The same without generation prompt, and which bytes are the assistant's, for a loss mask: what
/// stands in {% generation %} blocks; in a template without them, what each assistant message adds
/// to the prompt before it. An earlier turn that the template rewrites later on (dropped reasoning)
/// is left out; if that happens to the last turn, or its reasoning is missing, it is an error.
Result<RenderedChat> render_chat_spans(const std::string& source,
                                       const std::vector<Message>& messages,
                                       const std::string& bos_token, const std::string& eos_token,
                                       const std::string& extra_json = "{}");

}  // namespace r1
