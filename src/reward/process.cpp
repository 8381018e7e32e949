#include "reward/process.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/log.h"
#include "reward/child.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

std::string prompt_of(const Problem& problem) {
  for (auto m = problem.messages.rbegin(); m != problem.messages.rend(); ++m) {
    if (m->role == "user") return m->content;
  }
  return "";
}

/// The row's own columns come last but never replace ours.
Json request_row(const Ask& ask) {
  const Problem& problem = *ask.problem;
  Json row{{"prompt", prompt_of(problem)},
           {"completion", std::string(ask.completion.text)},
           {"answer", problem.answer},
           {"id", problem.id},
           {"finished", ask.completion.finished}};
  for (const auto& [name, value] : problem.columns) {
    Json parsed = Json::parse(value, nullptr, false);
    if (!row.contains(name)) row[name] = parsed.is_discarded() ? Json(value) : std::move(parsed);
  }
  return row;
}

Result<Verdict> read_score(const Json& score) {
  Verdict verdict;
  if (score.is_null()) return Verdict{0, "no verdict", false};
  const Json* value = &score;
  if (score.is_object()) {
    if (!score.contains("score")) return fail("a score without \"score\"");
    value = &score["score"];
    if (const auto reason = score.find("reason"); reason != score.end() && reason->is_string())
      verdict.reason = reason->get<std::string>();
    if (value->is_null()) return Verdict{0, verdict.reason, false};
  }
  if (!value->is_number() && !value->is_boolean()) return fail("a score that is not a number");
  verdict.value = value->is_boolean() ? (value->get<bool>() ? 1.0 : 0.0) : value->get<double>();
  if (!std::isfinite(verdict.value)) return fail("a score that is not finite");
  return verdict;
}

Result<std::vector<Verdict>> read_reply(const std::string& line, size_t n) {
  const Json reply = Json::parse(line, nullptr, false);
  if (reply.is_discarded() || !reply.is_object() || !reply.contains("scores"))
    return fail("the reply is not {{\"scores\": […]}}: {}", line.substr(0, 200));
  const Json& scores = reply["scores"];
  if (!scores.is_array() || scores.size() != n)
    return fail("the reply has {} scores for {} completions", scores.size(), n);
  std::vector<Verdict> verdicts;
  for (const Json& score : scores) {
    R1_TRY(Verdict verdict, read_score(score));
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

class Process : public Reward {
 public:
  Process(ProcessOptions options, Child child)
      : options_(std::move(options)), child_(std::in_place, std::move(child)) {}

  bool can_judge(const Problem&) const override { return true; }

  Verdict score(const Problem& problem, const Completion& completion) const override {
    const Ask ask{&problem, completion};
    return request({&ask, 1}).front();
  }

  std::vector<Verdict> score_all(std::span<const Ask> asks, ThreadPool&) const override {
    std::vector<Verdict> all;
    for (size_t at = 0; at < asks.size();) {
      const size_t n = std::min(asks.size() - at, static_cast<size_t>(options_.batch_size));
      for (Verdict& verdict : request(asks.subspan(at, n))) all.push_back(std::move(verdict));
      at += n;
    }
    return all;
  }

 private:
  std::vector<Verdict> request(std::span<const Ask> asks) const {
    Json batch = Json::array();
    for (const Ask& ask : asks) batch.push_back(request_row(ask));
    const std::string line =
        Json{{"batch", std::move(batch)}}.dump(-1, ' ', false, Json::error_handler_t::replace);
    const std::lock_guard lock(mutex_);
    std::string fault;
    for (int attempt = 0; attempt <= options_.retries; ++attempt) {
      auto verdicts = try_once(line, asks.size());
      if (verdicts) return std::move(*verdicts);
      fault = verdicts.error().message;
      log_warn("reward process {}: {}", options_.command[0], fault);
      child_.reset();
    }
    return std::vector<Verdict>(asks.size(), Verdict{0, fault, false});
  }

  Result<std::vector<Verdict>> try_once(const std::string& line, size_t n) const {
    if (!child_) {
      R1_TRY(Child child, Child::start(options_.command));
      child_.emplace(std::move(child));
    }
    const auto timeout = std::chrono::duration<double>(options_.timeout_s);
    const Deadline deadline = std::chrono::steady_clock::now() +
                              std::chrono::duration_cast<std::chrono::nanoseconds>(timeout);
    R1_TRY(const std::string reply,
           child_->ask(line, static_cast<size_t>(options_.max_output), deadline));
    return read_reply(reply, n);
  }

  ProcessOptions options_;
  mutable std::mutex mutex_;
  mutable std::optional<Child> child_;  // empty after a failure, until the next request
};

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (size_t at = 0; (at = text.find_first_not_of(' ', at)) != std::string::npos;) {
    const size_t end = std::min(text.find(' ', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

}  // namespace

Result<std::unique_ptr<const Reward>> make_process(const RewardSettings& settings) {
  R1_TRY(ProcessOptions options, read_options<ProcessOptions>(settings));
  if (options.command.size() == 1) options.command = words_of(options.command[0]);
  if (options.command.empty() || options.command[0].empty()) {
    return fail(
        "reward process: no command (command = [\"python3\", \"examples/run_reward.py\", "
        "\"my_reward.py\"])");
  }
  if (options.batch_size < 1 || options.max_output < 1 || options.retries < 0)
    return fail("reward process: batch_size and max_output must be at least 1, retries 0");
  if (!(options.timeout_s > 0) || options.timeout_s > 1e6)
    return fail("reward process: timeout_s is {}; it must lie between 0 and 1e6",
                options.timeout_s);
  auto child = Child::start(options.command);
  if (!child) return fail_with(child.error().with("reward process"));
  return std::make_unique<Process>(options, std::move(*child));
}

}  // namespace r1
