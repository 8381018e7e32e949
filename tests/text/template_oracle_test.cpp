// Our renders of chat templates against python3-jinja2's, byte for byte; templates/oracle.py makes
// the conversations and says what Jinja makes of them.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "text/chat_template.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

struct Oracle {
  int status = -1;
  std::string output;
};

Oracle ask_oracle(const std::string& folder) {
  const std::string script = R1_SOURCE_DIR "/tests/text/templates/oracle.py";
  FILE* pipe = ::popen(("python3 '" + script + "' '" + folder + "'").c_str(), "r");
  Oracle oracle;
  if (!pipe) return oracle;
  char buffer[1 << 16];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    oracle.output.append(buffer, n);
  oracle.status = WEXITSTATUS(::pclose(pipe));
  return oracle;
}

std::string text_or_empty(const Json& object, const char* key) {
  return object.contains(key) ? object[key].get<std::string>() : "";
}

std::vector<Message> messages_of(const Json& list) {
  std::vector<Message> messages;
  for (const Json& one : list) {
    messages.push_back(
        {.role = one["role"],
         .content = one["content"],
         .reasoning_content = text_or_empty(one, "reasoning_content"),
         .tool_calls_json = one.contains("tool_calls") ? one["tool_calls"].dump() : "",
         .tool_call_id = text_or_empty(one, "tool_call_id")});
  }
  return messages;
}

void compare(const Json& oracle, const Json& row) {
  const std::string source = oracle["templates"][row["template"].get<std::string>()];
  const auto text = render_chat(source, messages_of(row["messages"]), row["add_generation_prompt"],
                                "<s>", "</s>", row["more"].dump());
  const std::string ours = text ? *text : "refused: " + text.error().message;
  const std::string theirs = row["expected"].is_string()
                                 ? row["expected"].get<std::string>()
                                 : "refused: " + row["error"].get<std::string>();
  if (!text && row["expected"].is_null()) return;  // both refuse, each in its own words
  EXPECT_EQ(ours, theirs) << row["template"] << ", " << row["conversation"];
}

/// What the assistant wrote, where the template says so itself.
void compare_spans(const Json& oracle, const Json& row) {
  const bool is_marked = row["expected"].is_string() && !row["spans"].empty();
  if (!is_marked || row["add_generation_prompt"]) return;
  const std::string source = oracle["templates"][row["template"].get<std::string>()];
  const auto chat =
      render_chat_spans(source, messages_of(row["messages"]), "<s>", "</s>", row["more"].dump());
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ(Json(chat->assistant), row["spans"]) << row["template"] << row["conversation"];
}

void compare_all(const Json& oracle, size_t n_templates) {
  std::set<std::string> conversations;
  for (const Json& row : oracle["cases"]) {
    conversations.insert(row["conversation"].get<std::string>());
    compare(oracle, row);
    compare_spans(oracle, row);
  }
  EXPECT_GE(conversations.size(), 30u);
  EXPECT_GE(oracle["templates"].size(), n_templates);
}

TEST(TemplateOracle, EightKindsOfTemplatesOnThirtyConversationsEqualJinja) {
  const Oracle oracle = ask_oracle(R1_SOURCE_DIR "/tests/text/templates");
  if (oracle.status == 77 || oracle.status == 127) GTEST_SKIP() << "install python3-jinja2";
  ASSERT_EQ(oracle.status, 0);
  compare_all(Json::parse(oracle.output), 8);
}

TEST(TemplateOracle, TemplatesOfAFolderEqualJinja) {
  const char* folder = std::getenv("R1_CHAT_TEMPLATES");
  if (!folder) GTEST_SKIP() << "set R1_CHAT_TEMPLATES to a folder of *.jinja to run this test";
  const Oracle oracle = ask_oracle(folder);
  if (oracle.status == 77 || oracle.status == 127) GTEST_SKIP() << "install python3-jinja2";
  ASSERT_EQ(oracle.status, 0);
  compare_all(Json::parse(oracle.output), 1);
}

}  // namespace
}  // namespace r1
