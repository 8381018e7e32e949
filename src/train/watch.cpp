#include "train/watch.h"

#include <nlohmann/json.hpp>

#include "base/random.h"
#include "reward/reflection.h"

namespace r1 {

using Json = nlohmann::ordered_json;

Result<void> watch(const std::vector<Problem>& problems, int64_t step, const Transformer& model,
                   const Chat& chat, const RewardSet& rewards, const GrpoConfig& config,
                   Dtype kv_dtype, const Launch& launch, Run& run) {
  EngineConfig small = config.engine;
  small.max_sequences = std::min<int64_t>(small.max_sequences, std::ssize(problems));
  small.n_pages = small.speculate = 0;
  Engine engine(model, kv_dtype, small, launch);
  EpisodePlan plan;
  plan.n_samples = 1;
  plan.max_tokens = config.max_completion_length;
  plan.params = config.sampling;
  plan.params.seed = config.train.seed;
  plan.stream = [](int p, int) {
    return stream_key({static_cast<uint64_t>(Purpose::kEval), 0x3A7C4, static_cast<uint64_t>(p)});
  };
  R1_TRY(const std::vector<Episode> episodes,
         sample_episodes(engine, chat, problems, plan, rewards, *launch.pool));
  for (const Episode& e : episodes) {
    const Problem& problem = problems[static_cast<size_t>(e.problem)];
    const bool is_right = !e.score.parts.empty() && e.score.parts[0].second >= 1.0;
    const SelfCorrection correction = self_correction(problem, e.text, is_right);
    int64_t n_words = 0;
    for (const auto& [word, n] : count_reflection_words(e.text)) n_words += n;
    const Json line{{"prompt_index", e.problem},
                    {"prompt", problem.messages.back().content},
                    {"answer", problem.answer},
                    {"completion", e.text},
                    {"length", e.tokens.size()},
                    {"reward", e.score.value},
                    {"correct", is_right ? 1 : 0},
                    {"reflections", n_words},
                    {"line_rescues", correction.lines.n_rescues},
                    {"line_breaks", correction.lines.n_breaks}};
    R1_RETURN_IF_ERROR(
        run.record_watched(step, line.dump(-1, ' ', false, Json::error_handler_t::replace)));
  }
  return {};
}

}  // namespace r1
