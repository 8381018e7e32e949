// Which bytes of a rendered conversation the assistant wrote, for the eight kinds of templates.
#include <gtest/gtest.h>

#include <map>

#include "base/file.h"
#include "text/chat_template.h"

namespace r1 {
namespace {

using Texts = std::vector<std::string>;

std::string source_of(const std::string& name) {
  return read_text(R1_SOURCE_DIR "/tests/text/templates/" + name + ".jinja").value();
}

Texts spans_of(const std::string& source, const std::vector<Message>& messages) {
  const auto chat = render_chat_spans(source, messages, "<s>", "</s>");
  if (!chat) return {"refused: " + chat.error().message};
  Texts parts;
  for (auto [begin, end] : chat->assistant) parts.push_back(chat->text.substr(begin, end - begin));
  return parts;
}

const std::vector<Message> kPlain = {
    {"user", "q"}, {"assistant", "one"}, {"user", "r"}, {"assistant", "two"}};
const std::vector<Message> kThinking = {{"user", "q"},
                                        {"assistant", "<think>\nwhy\n</think>\n\none"},
                                        {"user", "r"},
                                        {"assistant", "<think>\nhow\n</think>\n\ntwo"}};

TEST(AssistantSpans, EachKindOfTemplate) {
  const std::map<std::string, Texts> expected = {
      {"qwen25", {"one<|im_end|>\n", "two<|im_end|>\n"}},
      // It writes an empty thought into the last turn alone, so the first one has changed.
      {"qwen3", {"<think>\n\n</think>\n\ntwo<|im_end|>\n"}},
      {"llama31", {"one<|eot_id|>", "two<|eot_id|>"}},
      {"llama32", {"one<|eot_id|>", "two<|eot_id|>"}},
      {"deepseek_r1", {"one</s>", "two</s>"}},
      {"gemma2", {"one<end_of_turn>\n", "two<end_of_turn>\n"}},
      {"phi35", {"one<|end|>\n", "two<|end|>\n</s>"}},
      {"mistral_nemo", {"one</s>", "two</s>"}}};
  for (const auto& [name, spans] : expected) {
    EXPECT_EQ(spans_of(source_of(name), kPlain), spans) << name;
  }
}

TEST(AssistantSpans, ThoughtsBelongToTheirTurn) {
  EXPECT_EQ(spans_of(source_of("qwen25"), kThinking),
            (Texts{"<think>\nwhy\n</think>\n\none<|im_end|>\n",
                   "<think>\nhow\n</think>\n\ntwo<|im_end|>\n"}));
  EXPECT_EQ(spans_of(source_of("qwen3"), kThinking),
            (Texts{"<think>\nhow\n</think>\n\ntwo<|im_end|>\n"}));
  const std::vector<Message> apart = {
      {"user", "q"}, {.role = "assistant", .content = "two", .reasoning_content = "how"}};
  EXPECT_EQ(spans_of(source_of("qwen3"), apart),
            (Texts{"<think>\nhow\n</think>\n\ntwo<|im_end|>\n"}));
}

TEST(AssistantSpans, ATemplateThatDropsTheLastThoughtIsRefusedWithTheRemedy) {
  const Texts refused = spans_of(source_of("deepseek_r1"), kThinking);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_NE(refused[0].find("leaves out the reasoning"), std::string::npos) << refused[0];
  EXPECT_NE(refused[0].find("chat_template.jinja"), std::string::npos);
  const std::vector<Message> apart = {
      {"user", "q"}, {.role = "assistant", .content = "two", .reasoning_content = "how"}};
  EXPECT_EQ(spans_of(source_of("llama31"), apart)[0].substr(0, 8), "refused:");
}

TEST(AssistantSpans, EarlierThoughtsMayBeDropped) {
  std::vector<Message> messages = kThinking;
  messages.back().content = "two";
  EXPECT_EQ(spans_of(source_of("deepseek_r1"), messages), (Texts{"\n\none</s>", "two</s>"}));
}

TEST(AssistantSpans, APrefilledThinkTagIsThePrompts) {
  const std::string source =
      "{% for m in messages %}{{ '<U>' if m.role == 'user' else '<A>' }}{{ m.content }}{% endfor %}"
      "{% if add_generation_prompt %}{{ '<A><think>\\n' }}{% endif %}";
  EXPECT_EQ(spans_of(source, kThinking), (Texts{"why\n</think>\n\none", "how\n</think>\n\ntwo"}));
}

TEST(AssistantSpans, ASystemTextThatMovesIsRefusedWithTheRemedy) {
  const Texts refused =
      spans_of(source_of("mistral_nemo"), {{"system", "S"}, {"user", "q"}, {"assistant", "one"}});
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_NE(refused[0].find("{% generation %}"), std::string::npos) << refused[0];
}

TEST(AssistantSpans, ToolCallsAreTheAssistantsAndAnswersAreNot) {
  Message call{.role = "assistant"};
  call.tool_calls_json = R"([{"function": {"name": "f", "arguments": {"a": 1}}}])";
  const std::string written =
      "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>";
  EXPECT_EQ(spans_of(source_of("qwen25"),
                     {{"user", "q"}, call, {"tool", "7"}, {"assistant", "It is 7."}}),
            (Texts{written + "<|im_end|>\n", "It is 7.<|im_end|>\n"}));
}

TEST(AssistantSpans, GenerationBlocksDecideWhereTheyStand) {
  std::string source = source_of("qwen25");
  const std::string plain =
      "{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>' + '\\n' }}";
  const size_t at = source.find(plain);
  ASSERT_NE(at, std::string::npos);
  source.replace(at, plain.size(),
                 "{{- '<|im_start|>' + m.role + '\\n' }}{% if m.role == 'assistant' %}"
                 "{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}"
                 "{% endif %}{{ '<|im_end|>' + '\\n' }}");
  EXPECT_EQ(spans_of(source, kPlain), (Texts{"one", "two"}));
}

}  // namespace
}  // namespace r1
