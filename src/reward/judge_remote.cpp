// A judge behind an OpenAI-compatible server.
#include <nlohmann/json.hpp>

#include "base/chat_client.h"
#include "reward/judge_model.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

class RemoteJudge : public JudgeModel {
 public:
  RemoteJudge(int64_t max_tokens, ChatClient client)
      : max_tokens_(max_tokens), client_(std::move(client)) {}

  std::vector<Result<JudgeReply>> ask(std::span<const std::string> prompts, uint64_t seed,
                                      ThreadPool&) const override {
    std::vector<ChatRequest> requests;
    for (const std::string& prompt : prompts) {
      const Json message{{"role", "user"}, {"content", prompt}};
      ChatRequest request;
      request.messages_json =
          Json::array({message}).dump(-1, ' ', false, Json::error_handler_t::replace);
      request.max_tokens = max_tokens_;
      request.seed = seed;
      requests.push_back(std::move(request));
    }
    std::vector<Result<JudgeReply>> replies;
    for (auto& reply : client_.send_all(requests)) {
      if (reply) {
        replies.push_back(JudgeReply{std::move(reply->text), reply->finished});
      } else {
        replies.push_back(fail_with(reply.error()));
      }
    }
    return replies;
  }

  ChatUsage usage() const override { return client_.usage(); }

 private:
  int64_t max_tokens_;
  ChatClient client_;
};

}  // namespace

Result<std::unique_ptr<const JudgeModel>> open_remote_judge(const JudgeOptions& options) {
  R1_TRY(ChatClient client,
         ChatClient::open(
             {options.url, options.model, options.api_key_env, options.concurrency, options.retries,
              options.timeout_s, options.backoff_s, options.requests_per_minute},
             "reward judge"));
  return std::make_unique<const RemoteJudge>(options.max_tokens, std::move(client));
}

}  // namespace r1
