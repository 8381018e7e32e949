// Sampling completions of problems and scoring them: what training and evaluation both begin with.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "engine/chat.h"
#include "engine/engine.h"
#include "reward/registry.h"

namespace r1 {

/// One sampled and judged completion.
struct Episode {
  int problem = 0, sample = 0;          // indices
  std::vector<int32_t> prompt, tokens;  // tokens end with the stop token when one was drawn
  std::vector<float> logp;              // of tokens, bit for bit the trainer's
  bool finished = false;                // by a stop token, not by the length limit
  std::string text;                     // without special tokens
  Score score;
};

struct EpisodePlan {
  int n_samples = 16;
  int64_t max_tokens = 160;
  SamplingParams params;
  std::function<uint64_t(int problem, int sample)> stream;  // key of each sample's random numbers
  std::function<void(int64_t done, int64_t all)> on_progress;  // may be empty
};

/// The problems that can be asked (the prompt leaves room in a context of max_length tokens) and
/// judged (there is a reference answer, where the rewards need one). Warns how many of `source` are
/// left out and why; none left is an error.
Result<std::vector<Problem>> usable_problems(std::vector<Problem> problems, const Chat& chat,
                                             const RewardSet& rewards, int64_t max_length,
                                             const std::string& source, ThreadPool& pool);

/// n_samples of each problem, in problem then sample order, whatever finished first. A prompt that
/// does not fit is an error naming its problem.
Result<std::vector<Episode>> sample_episodes(Engine& engine, const Chat& chat,
                                             std::span<const Problem> problems,
                                             const EpisodePlan& plan, const RewardSet& rewards,
                                             ThreadPool& pool);

}  // namespace r1
