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
  std::vector<KeptTokens> kept = {};    // of tokens, where the plan keeps the sampling mask
  bool finished = false;                // by a stop token, not by the length limit
  std::string text;                     // without special tokens
  Score score;
  std::string type = {};  // of its problem: problem_type
};

struct EpisodePlan {
  int n_samples = 16;
  int64_t max_tokens = 160;
  SamplingParams params;
  std::string opening = {};  // what every completion is made to begin with: a part of the prompt,
                             // unless the prompt already ends inside <think>
  std::vector<std::string> stops = {};  // texts that end a completion, which then has `finished`;
                                        // they stay in its text
  bool keep_sampling_mask = false;      // as Request's
  double run_share = 1;  // how much of the run is over: see RewardSpec::from_step_ratio
  std::function<uint64_t(int problem, int sample)> stream;  // key of each sample's random numbers
  std::function<void(int64_t done, int64_t all)> on_progress;  // may be empty
};

/// The problems that can be asked (the prompt leaves room in a context of max_length tokens) and
/// judged (there is a reference answer, where the rewards need one). Warns how many of `source` are
/// left out and why; none left is an error.
Result<std::vector<Problem>> usable_problems(std::vector<Problem> problems, const Chat& chat,
                                             const RewardSet& rewards, int64_t max_length,
                                             const std::string& source, ThreadPool& pool);

/// Fills in text and type of an episode whose tokens are there.
void decode_episode(Episode& episode, const Chat& chat, const Problem& problem);

/// Fills in text, type and score of episodes whose tokens are there.
void judge_episodes(std::vector<Episode>& episodes, const Chat& chat,
                    std::span<const Problem> problems, const RewardSet& rewards, ThreadPool& pool,
                    double run_share = 1);

/// n_samples of each problem, in problem then sample order, whatever finished first. A prompt that
/// does not fit is an error naming its problem.
Result<std::vector<Episode>> sample_episodes(Engine& engine, const Chat& chat,
                                             std::span<const Problem> problems,
                                             const EpisodePlan& plan, const RewardSet& rewards,
                                             ThreadPool& pool);

}  // namespace r1
