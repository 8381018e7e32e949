// The episodes of one step: a batch of prompts, or with dynamic sampling as many batches as it
// takes until enough groups have something to teach.               [Yu et al. 2025, DAPO, sec. 3.2]
#pragma once

#include "train/policy.h"
#include "train/prompts.h"

namespace r1 {

/// Everything that was sampled, in order.
struct Gathered {
  PromptBatch prompts;
  std::vector<Episode> episodes;
  int n_batches = 0;
  int64_t n_informative = 0;  // groups whose rewards differ

  Metrics describe(const GrpoConfig& config) const;
};

Result<Gathered> gather(Prompts& prompts, Policy& policy, const GrpoConfig& config, int64_t step);

/// Tells the curriculum the share of each row's completions that the first reward with a say calls
/// right: the mean of its values within 0 … 1.
void learn_pass_rates(Prompts& prompts, const Gathered& gathered, const RewardSet& rewards,
                      const GrpoConfig& config);

}  // namespace r1
