#include "train/rewrite.h"

#include <algorithm>
#include <array>
#include <utility>

#include "reward/text_scan.h"

namespace r1 {
namespace {

constexpr std::string_view kOpen = "<rewritten>", kClose = "</rewritten>";

constexpr const char* kPrompt =
    R"(Below are a question and a correct solution that is hard to read. Write the solution anew.

Rules:
- Keep the method, every number and the final answer.
- Think aloud in the first person and in short paragraphs, in the language of the question only.
- Keep checks and corrections that matter; leave out repetitions.
- No markdown in the thought.
- The form is <think> the thought </think> <answer> the final answer alone </answer>.
- Put all of it between <rewritten> and </rewritten>.

Question:
{question}

Solution:
{response}

Its final answer is {answer}.)";

std::string question_of(const Problem& problem) {
  for (auto m = problem.messages.rbegin(); m != problem.messages.rend(); ++m) {
    if (m->role == "user") return m->content;
  }
  return "";
}

}  // namespace

std::string fill_rewrite_prompt(const std::string& prompt, const std::string& question,
                                const std::string& response, const std::string& answer) {
  const std::array<std::pair<std::string_view, const std::string*>, 3> places = {
      {{"{question}", &question}, {"{response}", &response}, {"{answer}", &answer}}};
  std::string text;
  for (size_t at = 0; at < prompt.size();) {
    const std::string_view rest = std::string_view(prompt).substr(at);
    size_t n = 0;
    for (const auto& [place, value] : places) {
      if (!rest.starts_with(place)) continue;
      text += *value;
      n = place.size();
    }
    if (n == 0) text += rest[0], n = 1;
    at += n;
  }
  return text;
}

Result<std::string> read_rewritten(const std::string& reply) {
  const size_t end = reply.rfind(kClose);
  const size_t begin = end == std::string::npos ? end : reply.rfind(kOpen, end);
  if (begin == std::string::npos) return fail("the reply has no <rewritten> … </rewritten>");
  const size_t from = begin + kOpen.size();
  const std::string_view text = trim_space(std::string_view(reply).substr(from, end - from));
  if (text.empty()) return fail("the reply's <rewritten> is empty");
  return std::string(text);
}

Result<Rewriter> Rewriter::open(const RewriteConfig& config, const Path& cost_file, bool fresh) {
  if (config.retries < 0) return fail("rewrite.retries is {}", config.retries);
  std::string prompt = kPrompt;
  if (!config.prompt_file.empty()) {
    R1_TRY(prompt, read_text(config.prompt_file));
    for (const char* place : {"{question}", "{response}"}) {
      if (prompt.find(place) == std::string::npos)
        return fail("{}: no {} in the instruction", config.prompt_file, place);
    }
  }
  JudgeOptions options;
  options.model = config.model;
  options.url = config.url;
  options.api_key_env = config.api_key_env;
  options.max_tokens = config.max_tokens;
  options.timeout_s = config.timeout_s;
  options.concurrency = config.concurrency;
  options.retries = config.retries;
  options.requests_per_minute = config.prices.requests_per_minute;
  R1_TRY(auto model, config.url.empty() ? open_local_judge(options) : open_remote_judge(options));
  Rewriter rewriter(std::move(prompt), std::move(model));
  if (!config.url.empty()) {
    R1_TRY(rewriter.meter_, CostMeter::open(cost_file, config.prices, fresh));
  }
  return rewriter;
}

Result<std::vector<Result<std::string>>> Rewriter::rewrite(std::span<const Draft> drafts,
                                                           uint64_t seed, ThreadPool& pool) {
  if (meter_) R1_RETURN_IF_ERROR(meter_->check());
  std::vector<std::string> prompts;
  for (const Draft& draft : drafts) {
    prompts.push_back(fill_rewrite_prompt(prompt_, question_of(*draft.problem), draft.text,
                                          draft.problem->answer));
  }
  std::vector<Result<std::string>> texts;
  const std::vector<Result<JudgeReply>> replies = model_->ask(prompts, seed, pool);
  if (meter_) R1_RETURN_IF_ERROR(meter_->set(model_->usage()));
  if (!replies.empty() && std::none_of(replies.begin(), replies.end(),
                                       [](const auto& reply) { return reply.has_value(); }))
    return fail_with(replies.front().error().with(fmt::format(
        "rewrite: none of {} requests was answered; what is rewritten is kept, and the same "
        "command goes on",
        replies.size())));
  for (const auto& reply : replies) {
    if (!reply) {
      texts.push_back(fail_with(reply.error()));
    } else if (!reply->finished) {
      texts.push_back(fail("the reply was cut off at rewrite.max_tokens"));
    } else {
      texts.push_back(read_rewritten(reply->text));
    }
  }
  return texts;
}

}  // namespace r1
