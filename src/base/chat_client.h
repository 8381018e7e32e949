// Questions to an OpenAI-compatible server (POST /chat/completions), with retries.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/http_client.h"

namespace r1 {

struct ChatClientOptions {
  std::string url;          // with its base: http://localhost:8000/v1
  std::string model;        // its name there
  std::string api_key_env;  // environment variable that holds the key; none: no key
  int concurrency = 8;      // requests at once
  int retries = 3;          // of a request that failed in a way that may pass
  double timeout_s = 120;
  double backoff_s = 1;            // before the first retry; doubles each time
  double requests_per_minute = 0;  // no more than these, retries too; 0: no limit
};

/// What was asked and answered so far, by the server's own count.
struct ChatUsage {
  int64_t requests = 0, failed = 0;  // failed: requests without a reply that counts, retried or not
  int64_t prompt_tokens = 0, output_tokens = 0;
};

struct ChatRequest {
  std::string messages_json;  // a list of {"role", "content"}
  double temperature = 0, top_p = 1;
  int64_t max_tokens = 1024;
  uint64_t seed = 0;
  std::vector<std::string> stop = {};
};

struct ChatReply {
  std::string text;
  std::string reasoning = {};                      // where the server tells it apart
  bool finished = true;                            // not cut at max_tokens
  int64_t prompt_tokens = -1, output_tokens = -1;  // -1: the server does not say
};

/// Any thread may call it. No error shows the key.
class ChatClient {
 public:
  /// who: for warnings, such as "reward judge".
  static Result<ChatClient> open(const ChatClientOptions& options, const std::string& who);

  Result<ChatReply> send(const ChatRequest& request) const;
  /// All of them, `concurrency` at once; replies in order.
  std::vector<Result<ChatReply>> send_all(std::span<const ChatRequest> requests) const;
  ChatUsage usage() const;

 private:
  struct Fault;
  struct Meter;
  ChatClient(ChatClientOptions options, HttpClient client, std::string key);
  void wait_for_turn() const;
  bool try_once(const std::string& body, ChatReply& reply, Fault& fault) const;
  std::string words(const std::string& body) const;
  std::string hide(std::string text) const;

  ChatClientOptions options_;
  HttpClient client_;
  std::string key_;
  std::shared_ptr<Meter> meter_;  // shared by the threads that ask, and by copies
};

}  // namespace r1
