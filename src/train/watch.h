// The same few prompts again and again while a policy learns: what its answers become.
#pragma once

#include "train/grpo.h"
#include "train/learner.h"

namespace r1 {

/// One answer to each problem, drawn with the same random numbers at every step, as lines of
/// RUN/watched.jsonl: prompt_index, prompt, answer, completion, length, reward, correct, and how
/// often it reflects, rescues or breaks itself.
Result<void> watch(const std::vector<Problem>& problems, int64_t step, const Transformer& model,
                   const Chat& chat, const RewardSet& rewards, const GrpoConfig& config,
                   Dtype kv_dtype, const Launch& launch, Run& run);

}  // namespace r1
