#include "reward/episodes.h"

#include <algorithm>

#include "base/log.h"
#include "text/stream.h"

namespace r1 {
namespace {

bool ends_with_stop(const Episode& e, const std::vector<int32_t>& stops) {
  return !e.tokens.empty() && std::find(stops.begin(), stops.end(), e.tokens.back()) != stops.end();
}

/// Tokens without the one that ended it.
int64_t n_written(const Episode& e, const Chat& chat) {
  return std::ssize(e.tokens) - (ends_with_stop(e, chat.stop_tokens()) ? 1 : 0);
}

/// Ends each sample of one prompt with the first of plan.stops.
std::function<bool(int, int32_t, float)> until_stop(const Chat& chat, const EpisodePlan& plan) {
  return [texts = std::vector<TokenStream>(static_cast<size_t>(plan.n_samples),
                                           TokenStream(chat.tokenizer(), plan.stops))](
             int sample, int32_t token, float) mutable {
    TokenStream& text = texts[static_cast<size_t>(sample)];
    text.push(token);
    return !text.is_stopped();
  };
}

enum class Flaw : uint8_t { kNone, kNoPrompt, kNoReward, kNoAnswer, kTooLong };

/// "no prompt: 2, first a.jsonl:7"
std::string describe(const std::vector<Flaw>& flaws, Flaw flaw,
                     const std::vector<Problem>& problems, const std::string& what) {
  const auto n = std::count(flaws.begin(), flaws.end(), flaw);
  if (n == 0) return "";
  const auto first = std::find(flaws.begin(), flaws.end(), flaw) - flaws.begin();
  return fmt::format("; {}: {}, first {}", what, n, problems[first].id);
}

}  // namespace

void decode_episode(Episode& e, const Chat& chat, const Problem& problem) {
  e.text = chat.decode(std::span(e.tokens).first(static_cast<size_t>(n_written(e, chat))));
  e.type = problem_type(problem);
}

/// Texts first, all of them, then each reward on all texts.
void judge_episodes(std::vector<Episode>& episodes, const Chat& chat,
                    std::span<const Problem> problems, const RewardSet& rewards, ThreadPool& pool,
                    double run_share) {
  std::vector<Ask> asks(episodes.size());
  pool.parallel_for(static_cast<int64_t>(episodes.size()), 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Episode& e = episodes[i];
      decode_episode(e, chat, problems[e.problem]);
      asks[i] = {&problems[e.problem],
                 {e.text, e.finished, chat.opens_think(e.prompt), n_written(e, chat)}};
    }
  });
  std::vector<Score> scores = rewards.score_all(asks, pool, run_share);
  for (size_t i = 0; i < episodes.size(); ++i) episodes[i].score = std::move(scores[i]);
}

Result<std::vector<Problem>> usable_problems(std::vector<Problem> problems, const Chat& chat,
                                             const RewardSet& rewards, int64_t max_length,
                                             const std::string& source, ThreadPool& pool) {
  std::vector<Flaw> flaws(problems.size(), Flaw::kNone);
  std::vector<Result<void>> failed(problems.size());
  pool.parallel_for(static_cast<int64_t>(problems.size()), 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      if (problems[i].messages.empty()) {
        flaws[i] = Flaw::kNoPrompt;
      } else if (!rewards.is_for(problems[i])) {
        flaws[i] = Flaw::kNoReward;
      } else if (!rewards.can_judge(problems[i])) {
        flaws[i] = Flaw::kNoAnswer;
      } else if (const auto prompt = chat.prompt(problems[i].messages); !prompt) {
        failed[i] = fail_with(prompt.error().with("problem " + problems[i].id));
      } else if (static_cast<int64_t>(prompt->size()) >= max_length) {
        flaws[i] = Flaw::kTooLong;
      }
    }
  });
  for (const auto& result : failed) R1_RETURN_IF_ERROR(result);
  const std::string reasons =
      describe(flaws, Flaw::kNoPrompt, problems, "no prompt (--prompt_column)") +
      describe(flaws, Flaw::kNoReward, problems, "no reward for their type or data set") +
      describe(flaws, Flaw::kNoAnswer, problems, "no reference answer (--answer_column)") +
      describe(flaws, Flaw::kTooLong, problems,
               fmt::format("longer than a context of {} tokens", max_length));
  std::vector<Problem> usable;
  for (size_t i = 0; i < problems.size(); ++i) {
    if (flaws[i] == Flaw::kNone) usable.push_back(std::move(problems[i]));
  }
  if (usable.empty())
    return fail("{}: none of {} rows can be used{}", source, problems.size(), reasons);
  if (usable.size() < problems.size()) {
    log_warn("{}: {} of {} rows left out{}", source, problems.size() - usable.size(),
             problems.size(), reasons);
  }
  return usable;
}

Result<std::vector<Episode>> sample_episodes(Engine& engine, const Chat& chat,
                                             std::span<const Problem> problems,
                                             const EpisodePlan& plan, const RewardSet& rewards,
                                             ThreadPool& pool) {
  const int n_samples = plan.n_samples;
  std::vector<Episode> episodes(problems.size() * static_cast<size_t>(n_samples));
  int64_t n_done = 0;
  for (size_t p = 0; p < problems.size(); ++p) {
    Request request;
    request.id = static_cast<int64_t>(p);
    auto prompt = chat.prompt(problems[p].messages);
    if (!prompt) return fail_with(prompt.error().with("problem " + problems[p].id));
    request.prompt = std::move(*prompt);
    if (!plan.opening.empty() && !chat.opens_think(request.prompt)) {
      const std::vector<int32_t> opening = chat.tokenizer().encode(
          plan.opening, EncodeOptions{.add_special = false, .parse_special = true});
      request.prompt.insert(request.prompt.end(), opening.begin(), opening.end());
    }
    request.params = plan.params;
    request.keep_sampling_mask = plan.keep_sampling_mask;
    request.max_tokens = plan.max_tokens;
    request.stop_tokens = chat.stop_tokens();
    request.streams.clear();
    if (!plan.stops.empty()) request.on_token = until_stop(chat, plan);
    for (int g = 0; g < n_samples; ++g) {
      request.streams.push_back(plan.stream(static_cast<int>(p), g));
      Episode& e = episodes[p * n_samples + g];
      e.problem = static_cast<int>(p);
      e.sample = g;
      e.prompt = request.prompt;
    }
    request.on_done = [&](Completed&& done) {
      Episode& e = episodes[static_cast<size_t>(done.request) * n_samples + done.sample];
      e.tokens = std::move(done.tokens);
      e.logp = std::move(done.logp);
      e.kept = std::move(done.kept);
      e.finished = done.reason == FinishReason::kStop;
      if (plan.on_progress) plan.on_progress(++n_done, static_cast<int64_t>(episodes.size()));
    };
    if (auto queued = engine.submit(std::move(request)); !queued) {
      while (engine.step()) {  // let what refers to our episodes end first
      }
      return fail_with(queued.error().with("problem " + problems[p].id));
    }
  }
  engine.run();
  judge_episodes(episodes, chat, problems, rewards, pool, plan.run_share);
  return episodes;
}

}  // namespace r1
