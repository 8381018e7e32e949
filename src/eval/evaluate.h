// How good is it? Samples completions of held-out problems and sums them up.
#pragma once

#include "eval/metrics.h"
#include "reward/episodes.h"

namespace r1 {

struct EvalConfig {
  int samples = 16;
  int64_t max_tokens = 160;
  std::vector<std::string> reward;  // [[reward]] tables; none: reward_funcs
  std::vector<std::string> reward_funcs = {"accuracy", "format"};  // correctness, then format
  bool prefilled_think = false;
  bool force_think = false;
  SamplingParams sampling;
  EngineConfig engine;

  void visit(auto&& f) {
    f("samples", samples, "completions of each problem");
    f("max_tokens", max_tokens, "tokens a completion may have");
    f("reward", reward, "[[reward]] tables of a config file, instead of reward_funcs");
    f("reward_funcs", reward_funcs, "what counts as right, then what counts as well formed");
    f("prefilled_think", prefilled_think,
      "prompts end with <think>: the completion begins inside it");
    f("force_think", force_think,
      "every completion begins with <think>, so that no model skips its thought");
    f("sampling", sampling);
    f("engine", engine);
    f("speculate", engine.speculate, EngineConfig::kSpeculateHelp);
  }
};

struct Evaluated {
  EvalSummary summary;
  std::vector<Episode> episodes;  // samples of problem 0, then of problem 1, …
  double seconds = 0;
  int64_t n_tokens = 0;  // sampled
  EngineStats engine;
};

/// Draws are keyed by (sampling.seed, problem, sample): two models see the same random numbers.
Result<Evaluated> evaluate(const Transformer& model, const Chat& chat,
                           const std::vector<Problem>& problems, const EvalConfig& config,
                           Dtype kv_dtype, const Launch& launch,
                           const std::function<void(int64_t, int64_t)>& on_progress = {});

/// The figures of judged episodes, samples of problem 0 first. judge: the name of the first reward,
/// by which the votes are read.
EvalSummary summarize_episodes(const std::vector<Problem>& problems,
                               std::span<const Episode> episodes, const std::string& judge,
                               uint64_t seed);

/// The random numbers of sample g of problem p in every evaluation.
uint64_t eval_stream(int p, int g);

/// One line for people: pass@1 0.951 ± 0.004 · cons@16 0.990 · …
std::string describe(const EvalSummary& summary);
/// The summary as a JSON object with the keys pass@1, pass@1_stderr, cons@16, pass@k, ….
std::string summary_to_json(const EvalSummary& summary);

}  // namespace r1
