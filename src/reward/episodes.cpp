#include "reward/episodes.h"

#include <algorithm>

namespace r1 {
namespace {

bool ends_with_stop(const Episode& e, const std::vector<int32_t>& stops) {
  return !e.tokens.empty() && std::find(stops.begin(), stops.end(), e.tokens.back()) != stops.end();
}

void judge(Episode& e, const Chat& chat, const Problem& problem, const RewardSet& rewards) {
  const size_t n = e.tokens.size() - (ends_with_stop(e, chat.stop_tokens()) ? 1 : 0);
  e.text = chat.decode(std::span(e.tokens).first(n));
  e.score = rewards.score(problem, {e.text, e.finished});
}

}  // namespace

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
    request.params = plan.params;
    request.max_tokens = plan.max_tokens;
    request.stop_tokens = chat.stop_tokens();
    request.streams.clear();
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
  pool.parallel_for(static_cast<int64_t>(episodes.size()), 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) judge(episodes[i], chat, problems[episodes[i].problem], rewards);
  });
  return episodes;
}

}  // namespace r1
