// The judge's server misbehaves.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <mutex>

#include "base/http_server.h"
#include "base/log.h"
#include "reward/registry.h"

namespace r1 {
namespace {

const char* const kGood =
    R"({"choices": [{"message": {"content": "Score: 10"}, "finish_reason": "stop"}]})";

/// A server whose n-th reply a function writes.
class Server {
 public:
  using Replies = std::function<void(int n, httplib::Response& reply)>;
  explicit Server(Replies replies) {
    set_log_level(LogLevel::kQuiet);
    server_.server().Post("/chat/completions", [this, replies](const httplib::Request& request,
                                                               httplib::Response& reply) {
      {
        const std::lock_guard lock(mutex_);
        key_ = request.get_header_value("Authorization");
      }
      replies(n_asked_++, reply);
    });
    server_.start();
  }
  ~Server() { set_log_level(LogLevel::kInfo); }
  Verdict ask(const std::string& options = "") { return verdict(server_.url(), options); }
  static Verdict verdict(const std::string& url, const std::string& options) {
    const auto made = make_rewards({"judge;model=m;backoff_s=0.01;url=" + url + ";" + options});
    EXPECT_TRUE(made) << made.error().message;
    Problem problem;
    problem.messages.push_back({.role = "user", .content = "Who?"});
    return made->specs()[0].reward->score(problem, {"Ada", true});
  }
  int n_asked() const { return n_asked_; }
  std::string key() {
    const std::lock_guard lock(mutex_);
    return key_;
  }

 private:
  std::mutex mutex_;
  std::string key_;
  TestServer server_;
  std::atomic<int> n_asked_{0};
};

void good(httplib::Response& reply) { reply.set_content(kGood, "application/json"); }

TEST(JudgeServer, IsAskedAgainAfterTroubleThatMayPass) {
  for (const int status : {408, 429, 500, 502, 503}) {
    Server server([&](int n, httplib::Response& reply) {
      if (n == 2) return good(reply);
      reply.status = status;
      if (n == 0) reply.set_header("Retry-After", "0");
    });
    EXPECT_EQ(server.ask("retries=2").value, 1) << status;
    EXPECT_EQ(server.n_asked(), 3);
  }
}

TEST(JudgeServer, MayAskToWait) {
  Server server([](int n, httplib::Response& reply) {
    if (n == 1) return good(reply);
    reply.status = 429;
    reply.set_header("Retry-After", "1");
  });
  const Timer timer;
  EXPECT_EQ(server.ask().value, 1);
  EXPECT_GE(timer.seconds(), 1.0);
}

TEST(JudgeServer, IsNotAskedAgainAfterARefusal) {
  for (const int status : {301, 400, 401, 404}) {
    Server server([&](int, httplib::Response& reply) { reply.status = status; });
    const Verdict verdict = server.ask();
    EXPECT_FALSE(verdict.valid);
    EXPECT_NE(verdict.reason.find(std::to_string(status)), std::string::npos) << verdict.reason;
    EXPECT_EQ(server.n_asked(), 1);
  }
}

TEST(JudgeServer, GetsTheKeyButNoMessageShowsIt) {
  ::setenv("R1_TEST_KEY", "sk-very-secret", 1);
  Server server([](int, httplib::Response& reply) {
    reply.status = 401;
    reply.set_content(std::string(185, 'x') + "wrong key sk-very-secret given", "text/plain");
  });
  const Verdict verdict = server.ask("api_key_env=R1_TEST_KEY");
  EXPECT_EQ(server.key(), "Bearer sk-very-secret");
  EXPECT_EQ(verdict.reason.find("sk-"), std::string::npos) << verdict.reason;
  ::unsetenv("R1_TEST_KEY");
}

TEST(JudgeServer, MasksWhenItsRepliesAreNonsense) {
  const std::string deep(100'000, '[');
  for (const std::string& body :
       {std::string(), std::string("no JSON"), std::string("[]"), std::string("{\"choices\": []}"),
        std::string("{\"choices\": [1]}"), std::string("{\"choices\": [{\"message\": 1}]}"),
        std::string("{\"choices\": [{\"message\": {\"content\": null}}]}"), deep,
        std::string("{\"choices\": {\"a\": 1}}"), std::string("\xff\xfe\0", 3)}) {
    Server server([&](int, httplib::Response& reply) { reply.set_content(body, "text/plain"); });
    EXPECT_FALSE(server.ask("retries=1").valid) << body.substr(0, 50);
    EXPECT_EQ(server.n_asked(), 2);
  }
}

TEST(JudgeServer, MasksACutReply) {
  Server server([](int, httplib::Response& reply) {
    reply.set_content(
        R"({"choices": [{"message": {"content": "Score: 1"}, "finish_reason": "length"}]})",
        "application/json");
  });
  EXPECT_FALSE(server.ask("retries=0").valid);
}

TEST(JudgeServer, MasksFloodsAndSilence) {
  Server flood([](int, httplib::Response& reply) {
    reply.set_content(kGood + std::string(5 << 20, ' '), "application/json");
  });
  EXPECT_FALSE(flood.ask("retries=0").valid);
  Server slow([](int n, httplib::Response& reply) {
    if (n == 0) std::this_thread::sleep_for(std::chrono::milliseconds(600));
    good(reply);
  });
  EXPECT_FALSE(slow.ask("retries=0;timeout_s=0.2").valid);
  EXPECT_EQ(slow.ask("retries=0;timeout_s=5").value, 1);
}

TEST(JudgeServer, MasksConnectionsThatBreak) {
  set_log_level(LogLevel::kQuiet);
  const RawServer half("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"choices\"", true),
      none("", true), silent("", false);
  for (const RawServer* server : {&half, &none, &silent})
    EXPECT_FALSE(Server::verdict(server->url(), "retries=1;timeout_s=0.2").valid);
  EXPECT_FALSE(Server::verdict("http://127.0.0.1:1", "retries=1;timeout_s=1").valid);
  set_log_level(LogLevel::kInfo);
}

}  // namespace
}  // namespace r1
