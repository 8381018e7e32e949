#include "base/http_client.h"

#include <gtest/gtest.h>

#include <atomic>

#include "base/http_server.h"

namespace r1 {
namespace {

TEST(HttpClient, SendsTheBodyWithItsHeadersAndReadsTheReply) {
  TestServer server;
  server.server().Post("/v1/echo", [](const httplib::Request& request, httplib::Response& reply) {
    reply.status = 404;
    reply.set_header("Retry-After", "7");
    reply.set_content(request.get_header_value("Authorization") + "|" +
                          request.get_header_value("Content-Type") + "|" +
                          request.get_header_value("X-Mine") + "|" + request.body,
                      "text/plain");
  });
  server.start();
  const auto client = HttpClient::open(server.url() + "/v1/", {5, 1 << 20, "secret"});
  ASSERT_TRUE(client) << client.error().message;
  const auto reply =
      client->send({"/echo", "{\"a\":1}", "POST", "application/json", {{"X-Mine", "yes"}}});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 404);
  EXPECT_FALSE(reply->ok());
  EXPECT_EQ(reply->retry_after(), 7);
  EXPECT_EQ(reply->body, "Bearer secret|application/json|yes|{\"a\":1}");
}

TEST(HttpClient, GetsAndStreams) {
  TestServer server;
  server.server().Get("/", [](const httplib::Request&, httplib::Response& reply) {
    reply.set_chunked_content_provider("text/plain", [](size_t offset, httplib::DataSink& sink) {
      if (offset < 40) return sink.write("0123456789", 10);
      sink.done();
      return true;
    });
  });
  server.start();
  const auto client = HttpClient::open(server.url());
  ASSERT_TRUE(client);
  EXPECT_EQ(client->send({"", "", "GET"})->body, "0123456789012345678901234567890123456789");
  std::string some;
  const auto cut = client->send({"", "", "GET"}, [&](std::string_view part) {
    some += part;
    return some.size() < 20;
  });
  EXPECT_FALSE(cut);
  EXPECT_GE(some.size(), 20u);
}

TEST(HttpClient, DoesNotFollowRedirections) {
  TestServer server;
  std::atomic<int> visits{0};
  server.server().Post("/a", [](const httplib::Request&, httplib::Response& reply) {
    reply.set_redirect("/b", 307);
  });
  server.server().Post("/b", [&](const httplib::Request&, httplib::Response&) { ++visits; });
  server.start();
  EXPECT_EQ(HttpClient::open(server.url())->send({"/a", "x"})->status, 307);
  EXPECT_EQ(visits, 0);
}

TEST(HttpClient, StopsAtTheLimitOnSize) {
  TestServer server;
  server.server().Post("/", [](const httplib::Request&, httplib::Response& reply) {
    reply.set_content(std::string(100'000, 'x'), "text/plain");
  });
  server.start();
  const auto reply = HttpClient::open(server.url(), {5, 99'999})->send({"/", "x"});
  ASSERT_FALSE(reply);
  EXPECT_NE(reply.error().message.find("more than 99999 bytes"), std::string::npos);
  EXPECT_EQ(HttpClient::open(server.url(), {5, 100'000})->send({"/", "x"})->body.size(), 100'000u);
}

TEST(HttpClient, LimitsTheWholeRequestNotEachRead) {
  TestServer server;
  server.server().Get("/drip", [](const httplib::Request&, httplib::Response& reply) {
    reply.set_chunked_content_provider("text/plain", [](size_t offset, httplib::DataSink& sink) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      if (offset < 200) return sink.write("x", 1);
      sink.done();
      return true;
    });
  });
  server.start();
  const auto reply = HttpClient::open(server.url(), {0.3})->send({"/drip", "", "GET"});
  ASSERT_FALSE(reply);
  EXPECT_NE(reply.error().message.find("no whole reply within 0.3 s"), std::string::npos);
}

TEST(HttpClient, SurvivesSilentAndBrokenServers) {
  const RawServer silent("", false),
      half("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", true), none("", true),
      noise("\x16\x03\x01 what?\r\n\r\n", true),
      headers("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'h'), true);
  for (const RawServer* server : {&silent, &half, &none, &noise, &headers}) {
    const auto client = HttpClient::open(server->url(), {0.3});
    ASSERT_TRUE(client);
    EXPECT_FALSE(client->send({"/", std::string(1 << 20, 'b')}));
  }
  EXPECT_FALSE(HttpClient::open("http://127.0.0.1:1", {1})->send({"/", "x"}));
}

TEST(HttpClient, RefusesWhatIsNoAddress) {
  for (const char* url : {"", "localhost:80", "ftp://a", "http://", "http:///v1", "http://u:p@h/v1",
                          "http://a b", "http://h\r\nX: 1", "https://[::1", "http://h:99999999999"})
    EXPECT_FALSE(HttpClient::open(url)) << url;
  for (const char* url :
       {"http://localhost:8080/v1", "https://api.example.com/v1/", "http://[::1]:80"})
    EXPECT_TRUE(HttpClient::open(url)) << url;
  const auto broken = HttpClient::open("http://h", {1, 1, "sec\r\nret"});
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message.find("sec"), std::string::npos);
  EXPECT_FALSE(
      HttpClient::open("http://127.0.0.1:1")->send({"/", "", "GET", "", {{"a", "b\r\nc: d"}}}));
}

TEST(HttpClient, ReadsOnlySecondsInRetryAfter) {
  HttpReply reply;
  EXPECT_EQ(reply.retry_after(), -1);
  for (const char* text :
       {"", "soon", "-1", "1e9", "Wed, 21 Oct 2026 07:28:00 GMT", "99999999999999"}) {
    reply.headers["retry-after"] = text;
    EXPECT_EQ(reply.retry_after(), -1) << text;
  }
  reply.headers["retry-after"] = "120";
  EXPECT_EQ(reply.retry_after(), 120);
}

}  // namespace
}  // namespace r1
