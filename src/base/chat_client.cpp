#include "base/chat_client.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/log.h"

namespace r1 {

using Json = nlohmann::ordered_json;

/// What went wrong, and whether it may go right another time.
struct ChatClient::Fault {
  std::string message;
  bool may_pass = true;
  double wait_s = -1;  // what the server asks for
};

struct ChatClient::Meter {
  std::mutex mutex;
  ChatUsage usage;
  std::chrono::steady_clock::time_point next_turn = {};  // the earliest of the next request
};

namespace {

constexpr auto kReplace = Json::error_handler_t::replace;
constexpr double kLongestWait = 60;     // seconds, whatever the server asks for
constexpr int64_t kMaxReply = 4 << 20;  // bytes
constexpr size_t kShownBytes = 200;     // of a server's own words in an error

bool is_this_machine(const std::string& url) {
  return url.starts_with("http://localhost") || url.starts_with("http://127.") ||
         url.starts_with("http://[::1]");
}

std::string text_of(const Json& message, const char* name) {
  const auto value = message.find(name);
  return value != message.end() && value->is_string() ? value->get<std::string>() : "";
}

int64_t count_of(const Json& json, const char* name) {
  const auto usage = json.find("usage");
  if (usage == json.end() || !usage->is_object()) return -1;
  const auto value = usage->find(name);
  return value != usage->end() && value->is_number_unsigned() ? value->get<int64_t>() : -1;
}

bool read_reply(const std::string& body, ChatReply& reply) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("choices")) return false;
  const Json& choices = json["choices"];
  if (!choices.is_array() || choices.empty() || !choices[0].is_object()) return false;
  const Json message = choices[0].value("message", Json());
  if (!message.is_object() || !message.contains("content") || !message["content"].is_string())
    return false;
  reply.text = message["content"].get<std::string>();
  reply.reasoning = text_of(message, "reasoning_content");
  const auto reason = choices[0].find("finish_reason");
  reply.finished = reason == choices[0].end() || *reason != "length";
  reply.prompt_tokens = count_of(json, "prompt_tokens");
  reply.output_tokens = count_of(json, "completion_tokens");
  return true;
}

std::string body_of(const std::string& model, const ChatRequest& request) {
  Json body{{"model", model},
            {"messages", Json::parse(request.messages_json, nullptr, false)},
            {"temperature", request.temperature},
            {"seed", request.seed},
            {"max_tokens", request.max_tokens}};
  if (request.top_p < 1) body["top_p"] = request.top_p;
  if (!request.stop.empty()) body["stop"] = request.stop;
  return body.dump(-1, ' ', false, kReplace);
}

}  // namespace

ChatClient::ChatClient(ChatClientOptions options, HttpClient client, std::string key)
    : options_(std::move(options)),
      client_(std::move(client)),
      key_(std::move(key)),
      meter_(std::make_shared<Meter>()) {}

/// Turns are spread evenly: with 60 a minute one begins each second.
void ChatClient::wait_for_turn() const {
  if (options_.requests_per_minute <= 0) return;
  const auto gap = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(60.0 / options_.requests_per_minute));
  std::chrono::steady_clock::time_point turn;
  {
    const std::lock_guard lock(meter_->mutex);
    turn = std::max(meter_->next_turn, std::chrono::steady_clock::now());
    meter_->next_turn = turn + gap;
  }
  std::this_thread::sleep_until(turn);
}

ChatUsage ChatClient::usage() const {
  const std::lock_guard lock(meter_->mutex);
  return meter_->usage;
}

Result<ChatClient> ChatClient::open(const ChatClientOptions& options, const std::string& who) {
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
    log_warn("{}: {} is not encrypted, and the key goes there", who, options.url);
  return ChatClient(options, std::move(client), std::move(key));
}

Result<ChatReply> ChatClient::send(const ChatRequest& request) const {
  const std::string body = body_of(options_.model, request);
  double wait = options_.backoff_s;
  for (int attempt = 0;; ++attempt) {
    Fault fault;
    ChatReply reply;
    wait_for_turn();
    const bool is_answered = try_once(body, reply, fault);
    {
      const std::lock_guard lock(meter_->mutex);
      ++meter_->usage.requests;
      meter_->usage.failed += !is_answered;
      meter_->usage.prompt_tokens += std::max<int64_t>(0, reply.prompt_tokens);
      meter_->usage.output_tokens += std::max<int64_t>(0, reply.output_tokens);
    }
    if (is_answered) return reply;
    if (!fault.may_pass || attempt == options_.retries) return fail("{}", hide(fault.message));
    const double seconds = fault.wait_s >= 0 ? fault.wait_s : wait;
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(seconds, kLongestWait)));
    wait *= 2;
  }
}

std::vector<Result<ChatReply>> ChatClient::send_all(std::span<const ChatRequest> requests) const {
  // Threads of its own: these wait for the server, and a pool's would spin meanwhile.
  std::vector<Result<ChatReply>> replies(requests.size(), fail("not asked"));
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < requests.size(); i = next++) replies[i] = send(requests[i]);
  };
  std::vector<std::jthread> threads;
  const size_t n =
      std::min(requests.size(), static_cast<size_t>(std::max(1, options_.concurrency)));
  for (size_t i = 0; i < n; ++i) threads.emplace_back(work);
  threads.clear();
  return replies;
}

bool ChatClient::try_once(const std::string& body, ChatReply& reply, Fault& fault) const {
  const auto answer = client_.send({"/chat/completions", body});
  if (!answer) {
    fault.message = answer.error().message;
    return false;
  }
  if (!answer->ok()) {
    fault = {fmt::format("{}: status {}: {}", client_.url(), answer->status, words(answer->body)),
             answer->status == 408 || answer->status == 429 || answer->status >= 500,
             answer->retry_after()};
    return false;
  }
  if (read_reply(answer->body, reply)) return true;
  fault.message = fmt::format("{}: no chat completion: {}", client_.url(), words(answer->body));
  return false;
}

/// The beginning of what a server wrote, on one line.
std::string ChatClient::words(const std::string& body) const {
  std::string text = Json(hide(body).substr(0, kShownBytes)).dump(-1, ' ', false, kReplace);
  return text.substr(1, text.size() - 2);
}

/// Servers quote wrong keys.
std::string ChatClient::hide(std::string text) const {
  if (key_.empty()) return text;
  for (size_t at = text.find(key_); at != text.npos; at = text.find(key_, at))
    text.replace(at, key_.size(), "***");
  return text;
}

}  // namespace r1
