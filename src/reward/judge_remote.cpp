// A judge behind an OpenAI-compatible server.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "base/http_client.h"
#include "base/log.h"
#include "reward/judge_model.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;
constexpr auto kReplace = Json::error_handler_t::replace;
constexpr double kLongestWait = 60;     // seconds, whatever the server asks for
constexpr int64_t kMaxReply = 4 << 20;  // bytes
constexpr size_t kShownBytes = 200;     // of a server's own words in an error

/// What went wrong, and whether it may go right another time.
struct Fault {
  std::string message;
  bool may_pass = true;
  double wait_s = -1;  // what the server asks for
};

class RemoteJudge : public JudgeModel {
 public:
  RemoteJudge(JudgeOptions options, HttpClient client, std::string key)
      : options_(std::move(options)), client_(std::move(client)), key_(std::move(key)) {}

  std::vector<Result<JudgeReply>> ask(std::span<const std::string> prompts, uint64_t seed,
                                      ThreadPool&) const override {
    // Threads of its own: these wait for the server, and the pool's would spin meanwhile.
    std::vector<Result<JudgeReply>> replies(prompts.size(), fail("not asked"));
    std::atomic<size_t> next{0};
    const auto work = [&] {
      for (size_t i = next++; i < prompts.size(); i = next++)
        replies[i] = ask_one(prompts[i], seed);
    };
    std::vector<std::jthread> threads;
    const size_t n = std::min(prompts.size(), static_cast<size_t>(options_.concurrency));
    for (size_t i = 0; i < n; ++i) threads.emplace_back(work);
    threads.clear();
    return replies;
  }

 private:
  Result<JudgeReply> ask_one(const std::string& prompt, uint64_t seed) const {
    const Json message{{"role", "user"}, {"content", prompt}};
    const std::string body = Json{
        {"model", options_.model},
        {"messages", Json::array({message})},
        {"temperature", 0},
        {"seed", seed},
        {"max_tokens",
         options_.max_tokens}}.dump(-1, ' ', false, kReplace);
    double wait = options_.backoff_s;
    for (int attempt = 0;; ++attempt) {
      Fault fault;
      if (auto reply = request(body, fault)) return std::move(*reply);
      if (!fault.may_pass || attempt == options_.retries) return fail("{}", hide(fault.message));
      const double seconds = fault.wait_s >= 0 ? fault.wait_s : wait;
      std::this_thread::sleep_for(std::chrono::duration<double>(std::min(seconds, kLongestWait)));
      wait *= 2;
    }
  }

  std::optional<JudgeReply> request(const std::string& body, Fault& fault) const {
    const auto reply = client_.send({"/chat/completions", body});
    if (!reply) {
      fault.message = reply.error().message;
      return std::nullopt;
    }
    if (!reply->ok()) {
      fault = {fmt::format("{}: status {}: {}", client_.url(), reply->status, words(reply->body)),
               reply->status == 408 || reply->status == 429 || reply->status >= 500,
               reply->retry_after()};
      return std::nullopt;
    }
    auto read = read_reply(reply->body);
    if (!read)
      fault.message = fmt::format("{}: no chat completion: {}", client_.url(), words(reply->body));
    return read;
  }

  static std::optional<JudgeReply> read_reply(const std::string& body) {
    const Json json = Json::parse(body, nullptr, false);
    if (!json.is_object() || !json.contains("choices")) return std::nullopt;
    const Json& choices = json["choices"];
    if (!choices.is_array() || choices.empty() || !choices[0].is_object()) return std::nullopt;
    const Json message = choices[0].value("message", Json());
    if (!message.is_object() || !message.contains("content") || !message["content"].is_string())
      return std::nullopt;
    const auto reason = choices[0].find("finish_reason");
    const bool is_cut = reason != choices[0].end() && *reason == "length";
    return JudgeReply{message["content"].get<std::string>(), !is_cut};
  }

  /// The beginning of what a server wrote, on one line.
  std::string words(const std::string& body) const {
    std::string text = Json(hide(body).substr(0, kShownBytes)).dump(-1, ' ', false, kReplace);
    return text.substr(1, text.size() - 2);
  }

  /// Servers quote wrong keys.
  std::string hide(std::string text) const {
    if (key_.empty()) return text;
    for (size_t at = text.find(key_); at != text.npos; at = text.find(key_, at))
      text.replace(at, key_.size(), "***");
    return text;
  }

  JudgeOptions options_;
  HttpClient client_;
  std::string key_;
};

bool is_this_machine(const std::string& url) {
  return url.starts_with("http://localhost") || url.starts_with("http://127.") ||
         url.starts_with("http://[::1]");
}

}  // namespace

Result<std::unique_ptr<const JudgeModel>> open_remote_judge(const JudgeOptions& options) {
  std::string key;
  if (!options.api_key_env.empty()) {
    const char* value = std::getenv(options.api_key_env.c_str());
    if (!value || !*value) {
      return fail("the environment variable {}, which api_key_env names, is not set",
                  options.api_key_env);
    }
    key = value;
  }
  R1_TRY(HttpClient client, HttpClient::open(options.url, {options.timeout_s, kMaxReply, key}));
  if (!key.empty() && options.url.starts_with("http://") && !is_this_machine(options.url))
    log_warn("reward judge: {} is not encrypted, and the key goes there", options.url);
  return std::make_unique<const RemoteJudge>(options, std::move(client), std::move(key));
}

}  // namespace r1
