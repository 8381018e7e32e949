// Fuzzes chat templates; what stands behind the first zero byte is the JSON of more variables.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "text/chat_template.h"

using namespace r1;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = input.find('\0');
  const std::string source(input.substr(0, end));
  const std::string extra = end == input.npos ? "{}" : std::string(input.substr(end + 1));
  const std::vector<Message> messages = {
      {.role = "system", .content = "S"},
      {.role = "user", .content = "Hi \xC3\xA9"},
      {.role = "assistant", .tool_calls_json = R"([{"type": "function", "id": "abcdefghi",
                               "function": {"name": "f", "arguments": {"b": 1, "a": [2.5]}}}])"},
      {.role = "tool", .content = "{}"},
      {.role = "assistant", .content = "<think>why</think>so", .reasoning_content = "why"}};
  const auto text = render_chat(source, messages, true, "<s>", "</s>", extra);
  const auto spans = render_chat_spans(source, messages, "<s>", "</s>", extra);
  if (!spans) return 0;
  for (const auto& [begin, finish] : spans->assistant) {
    if (begin > finish || finish > spans->text.size()) std::abort();
  }
  return 0;
}
