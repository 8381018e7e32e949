// The review page: its requests, and everything that must be refused.
#include "recipes/review_site.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/http_client.h"
#include "base/scratch.h"

namespace r1 {
namespace {

using Json = nlohmann::json;
constexpr const char* kToken = "0123456789abcdef0123456789abcdef";

class ReviewSiteTest : public testing::Test {
 protected:
  ReviewSiteTest() {
    std::ofstream(scratch_ / "rows.jsonl")
        << "{\"prompt\": \"<script>alert(1)</script>\", \"completion\": \"c0\", \"answer\": 7}\n"
        << "{\"prompt\": \"q1\", \"completion\": \"c1\"}\n";
    review_ = Review::open(scratch_ / "rows.jsonl", {}).value();
  }

  ServerRequest get(const std::string& path) {
    return {"GET", path, "", {}, {{"host", "127.0.0.1:80"}, {"x-review-token", kToken}}};
  }
  ServerRequest post(const std::string& body) {
    ServerRequest request = get("/api/decide");
    request.method = "POST";
    request.body = body;
    return request;
  }
  int status_of(const ServerRequest& request) { return site().handle(request).status; }
  ReviewSite site() { return {*review_, kToken}; }

  Scratch scratch_;
  std::unique_ptr<Review> review_;
};

TEST_F(ReviewSiteTest, AnswersThePagesRequests) {
  ServerRequest row = get("/api/row");
  row.query = {{"row", "0"}};
  const Json shown = Json::parse(site().handle(row).body);
  EXPECT_EQ(shown["messages"][0]["content"], "<script>alert(1)</script>");
  EXPECT_EQ(shown["facts"]["answer"], "7");
  EXPECT_EQ(shown["decision"], "");
  const ServerReply decided =
      site().handle(post("{\"row\": 1, \"decision\": \"edit\", \"text\": \"new\"}"));
  EXPECT_EQ(decided.status, 200);
  EXPECT_EQ(Json::parse(decided.body)["decisions"], ".e");
  EXPECT_EQ(Json::parse(site().handle(get("/api/state")).body)["decisions"], ".e");
  EXPECT_EQ(status_of(post("{\"row\": 1, \"decision\": \"undo\"}")), 200);
  EXPECT_EQ(review_->letters(), "..");
}

TEST_F(ReviewSiteTest, RefusesWithoutTokenFromOtherHostsAndFromOtherSites) {
  const auto changed = [&](const char* name, const char* value) {
    ServerRequest request = post("{\"row\": 0, \"decision\": \"accept\"}");
    request.headers[name] = value;
    return status_of(request);
  };
  EXPECT_EQ(changed("x-review-token", ""), 403);
  EXPECT_EQ(changed("x-review-token", "0123456789abcdef0123456789abcdeX"), 403);
  EXPECT_EQ(changed("host", "evil.example:80"), 403);
  EXPECT_EQ(changed("host", "127.0.0.1.evil.example"), 403);
  EXPECT_EQ(changed("host", ""), 403);
  EXPECT_EQ(changed("origin", "http://evil.example"), 403);
  EXPECT_EQ(changed("origin", "null"), 403);
  EXPECT_EQ(review_->letters(), "..");
  EXPECT_EQ(changed("origin", "http://127.0.0.1:80"), 200);
  ServerRequest page = get("/");
  EXPECT_EQ(status_of(page), 403);  // the page's token stands in its address
  page.query = {{"token", kToken}};
  EXPECT_EQ(status_of(page), 200);
}

TEST_F(ReviewSiteTest, HostileBodiesAreRefused) {
  for (const char* body :
       {"", "null", "[]", "{", "{\"row\": -1, \"decision\": \"accept\"}",
        "{\"row\": 1e30, \"decision\": \"accept\"}", "{\"row\": \"0\", \"decision\": \"accept\"}",
        "{\"row\": 0}", "{\"row\": 0, \"decision\": 1}", "{\"row\": 0, \"decision\": \"drop\"}",
        "{\"row\": 2, \"decision\": \"accept\"}", "{\"row\": 0, \"decision\": \"edit\"}",
        "{\"row\": 0, \"decision\": \"edit\", \"text\": 3}",
        "{\"row\": 0, \"decision\": \"edit\", \"text\": \"\xFF\"}",
        "{\"row\": 0, \"decision\": \"undo\"}"}) {
    EXPECT_EQ(status_of(post(body)), 400) << body;
  }
  for (const char* row : {"", "-1", "2", "1x", "99999999999999999999"}) {
    ServerRequest request = get("/api/row");
    request.query = {{"row", row}};
    EXPECT_EQ(status_of(request), 404) << row;
  }
  EXPECT_EQ(status_of(get("/etc/passwd")), 404);
  EXPECT_EQ(status_of(get("/../rows.jsonl")), 404);
  EXPECT_EQ(review_->letters(), "..");
}

TEST_F(ReviewSiteTest, ThePageHoldsNothingFromOutside) {
  const std::string page = review_page("<b>\"x\".jsonl", kToken);
  EXPECT_EQ(page.find("http://"), std::string::npos);
  EXPECT_EQ(page.find("https://"), std::string::npos);
  EXPECT_EQ(page.find("innerHTML"), std::string::npos);
  EXPECT_NE(page.find("&lt;b&gt;"), std::string::npos);
  EXPECT_NE(page.find("script-src 'nonce-"), std::string::npos);
  EXPECT_LT(page.size(), 64u << 10);
}

TEST_F(ReviewSiteTest, TokensDiffer) {
  const std::string a = make_token().value(), b = make_token().value();
  EXPECT_EQ(a.size(), 32u);
  EXPECT_NE(a, b);
}

TEST_F(ReviewSiteTest, OverARealSocketBodiesBeyondTheLimitAreRefused) {
  ReviewSite site = this->site();
  const auto server =
      LocalServer::bind(0, 1000, [&](const ServerRequest& r) { return site.handle(r); }).value();
  std::jthread thread([&] { server->run(); });
  const std::string url = "http://127.0.0.1:" + std::to_string(server->port());
  const auto client = HttpClient::open(url).value();
  HttpRequest request{"/api/decide", "{\"row\": 0, \"decision\": \"accept\"}"};
  EXPECT_EQ(client.send(request)->status, 403);
  request.headers = {{"X-Review-Token", kToken}};
  EXPECT_EQ(client.send(request)->status, 200);
  request.body = std::string(5000, 'x');
  const auto refused = client.send(request);
  EXPECT_TRUE(!refused || refused->status == 413);
  EXPECT_EQ(review_->letters(), "a.");
  EXPECT_FALSE(
      LocalServer::bind(server->port(), 1000, [](const ServerRequest&) { return ServerReply{}; }));
  server->stop();
}

}  // namespace
}  // namespace r1
