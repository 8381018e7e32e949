// The chat client against servers that answer well, badly and late.
#include "base/chat_client.h"

#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/http_server.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

std::string reply_of(const std::string& text, const std::string& reason = "stop") {
  return Json{{"choices",
               {{{"message", {{"content", text}, {"reasoning_content", "hm"}}},
                 {"finish_reason", reason}}}},
              {"usage", {{"prompt_tokens", 3}, {"completion_tokens", 5}}}}
      .dump();
}

ChatClient client_of(const TestServer& server, int retries = 2) {
  ChatClientOptions options;
  options.url = server.url() + "/v1";
  options.model = "m";
  options.retries = retries;
  options.backoff_s = 0.01;
  return ChatClient::open(options, "test").value();
}

ChatRequest question(const std::string& text) {
  ChatRequest request;
  request.messages_json = Json::array({{{"role", "user"}, {"content", text}}}).dump();
  request.temperature = 0.5;
  request.seed = 9;
  return request;
}

TEST(ChatClient, SendsWhatTheApiTakesAndReadsWhatItSays) {
  TestServer server;
  Json seen;
  server.server().Post("/v1/chat/completions", [&](const auto& request, auto& response) {
    seen = Json::parse(request.body);
    response.set_content(reply_of("42"), "application/json");
  });
  server.start();
  const ChatReply reply = client_of(server).send(question("6*7?")).value();
  EXPECT_EQ(reply.text, "42");
  EXPECT_EQ(reply.reasoning, "hm");
  EXPECT_TRUE(reply.finished);
  EXPECT_EQ(reply.prompt_tokens, 3);
  EXPECT_EQ(reply.output_tokens, 5);
  EXPECT_EQ(seen["model"], "m");
  EXPECT_EQ(seen["messages"][0]["content"], "6*7?");
  EXPECT_EQ(seen["temperature"], 0.5);
  EXPECT_EQ(seen["seed"], 9);
  EXPECT_FALSE(seen.contains("top_p"));
  EXPECT_FALSE(seen.contains("stop"));
}

TEST(ChatClient, RepliesComeInOrderHoweverManyAskAtOnce) {
  TestServer server;
  server.server().Post("/v1/chat/completions", [](const auto& request, auto& response) {
    const std::string asked = Json::parse(request.body)["messages"][0]["content"];
    response.set_content(reply_of("re " + asked, asked == "7" ? "length" : "stop"),
                         "application/json");
  });
  server.start();
  std::vector<ChatRequest> requests;
  for (int i = 0; i < 30; ++i) requests.push_back(question(std::to_string(i)));
  const auto replies = client_of(server).send_all(requests);
  for (size_t i = 0; i < 30; ++i) {
    EXPECT_EQ(replies[i]->text, "re " + std::to_string(i));
    EXPECT_EQ(replies[i]->finished, i != 7);
  }
}

TEST(ChatClient, WhatMayPassIsTriedAgainAndWhatMayNotIsNot) {
  TestServer server;
  std::atomic<int> n_asked{0};
  std::atomic<int> status{503};
  server.server().Post("/v1/chat/completions", [&](const auto&, auto& response) {
    if (++n_asked < 3) {
      response.status = status;
      response.set_content("busy", "text/plain");
    } else {
      response.set_content(reply_of("late"), "application/json");
    }
  });
  server.start();
  EXPECT_EQ(client_of(server).send(question("?"))->text, "late");
  n_asked = 0;
  EXPECT_FALSE(client_of(server, 1).send(question("?")));
  n_asked = 0;
  status = 401;
  const auto refused = client_of(server).send(question("?"));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("status 401: busy"), std::string::npos);
  EXPECT_EQ(n_asked, 1);
}

TEST(ChatClient, RepliesThatAreNoneAreErrors) {
  for (const char* body :
       {"", "[]", "{}", "{\"choices\":[]}", "{\"choices\":[1]}", "{\"choices\":[{}]}",
        "{\"choices\":[{\"message\":{\"content\":null}}]}", "<html>"}) {
    TestServer server;
    server.server().Post("/v1/chat/completions", [&](const auto&, auto& response) {
      response.set_content(body, "application/json");
    });
    server.start();
    EXPECT_FALSE(client_of(server, 0).send(question("?"))) << body;
  }
}

TEST(ChatClient, MetersWhatTheServerCounted) {
  TestServer server;
  std::atomic<int> n_asked = 0;
  server.server().Post("/v1/chat/completions", [&](const auto&, auto& response) {
    if (n_asked++ == 0) {
      response.status = 503;
    } else {
      response.set_content(reply_of("a"), "application/json");
    }
  });
  server.start();
  const ChatClient client = client_of(server);
  ASSERT_TRUE(client.send(question("?")));
  ASSERT_TRUE(client.send(question("?")));
  const ChatUsage usage = client.usage();
  EXPECT_EQ(usage.requests, 3);
  EXPECT_EQ(usage.failed, 1);
  EXPECT_EQ(usage.prompt_tokens, 6);
  EXPECT_EQ(usage.output_tokens, 10);
}

TEST(ChatClient, KeepsToItsRate) {
  TestServer server;
  server.server().Post("/v1/chat/completions", [&](const auto&, auto& response) {
    response.set_content(reply_of("a"), "application/json");
  });
  server.start();
  ChatClientOptions options;
  options.url = server.url() + "/v1";
  options.requests_per_minute = 1200;  // one in 50 ms
  const ChatClient client = ChatClient::open(options, "test").value();
  const auto start = std::chrono::steady_clock::now();
  const std::vector<ChatRequest> requests(5, question("?"));
  for (const auto& reply : client.send_all(requests)) EXPECT_TRUE(reply);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(199));
}

}  // namespace
}  // namespace r1
