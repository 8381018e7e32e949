#include "train/gather.h"

#include <algorithm>
#include <cmath>

namespace r1 {
namespace {

void append(Gathered& all, PromptBatch batch, std::vector<Episode> episodes,
            const GrpoConfig& config) {
  const auto first = static_cast<int>(all.prompts.problems.size());
  const auto move_to = [](auto& to, auto& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  const size_t G = static_cast<size_t>(config.num_generations);
  for (size_t i = 0; i < episodes.size(); i += G) {
    all.n_informative += is_informative(std::span(episodes).subspan(i, G), config);
  }
  for (Episode& e : episodes) e.problem += first;
  move_to(all.prompts.problems, batch.problems);
  move_to(all.prompts.rows, batch.rows);
  move_to(all.episodes, episodes);
  ++all.n_batches;
}

/// The share of a step's run that was over before it.
double share_before(const GrpoConfig& config, int64_t step) {
  return static_cast<double>(step) /
         static_cast<double>(std::max<int64_t>(1, config.train.max_steps));
}

/// The value of the first reward with a say that judged an episode; NaN when none did.
double first_value(const Episode& e, const RewardSet& rewards) {
  for (size_t i = 0; i < e.score.parts.size(); ++i) {
    const double value = e.score.parts[i].second;
    if (rewards.specs()[i].weight != 0 && !std::isnan(value)) return std::clamp(value, 0.0, 1.0);
  }
  return std::nan("");
}

}  // namespace

Metrics Gathered::describe(const GrpoConfig& config) const {
  if (!config.dynamic_sampling) return {};
  return {{"dynamic_sampling/num_gen_batches", n_batches},
          {"dynamic_sampling/num_informative_groups", static_cast<double>(n_informative)}};
}

Result<Gathered> gather(Prompts& prompts, Policy& policy, const GrpoConfig& config, int64_t step) {
  Gathered all;
  const double share = share_before(config, step);
  const int most = config.dynamic_sampling ? config.max_num_gen_batches : 1;
  while (all.n_batches < most && all.n_informative < config.train_batch_size) {
    PromptBatch batch = prompts.next(share);
    const auto first = static_cast<int64_t>(all.prompts.problems.size());
    R1_TRY(std::vector<Episode> episodes, policy.sample(batch.problems, step, first, share));
    append(all, std::move(batch), std::move(episodes), config);
  }
  return all;
}

void learn_pass_rates(Prompts& prompts, const Gathered& gathered, const RewardSet& rewards,
                      const GrpoConfig& config) {
  if (!prompts.curriculum()) return;
  const size_t G = static_cast<size_t>(config.num_generations);
  for (size_t i = 0; i < gathered.episodes.size(); i += G) {
    double sum = 0;
    int n = 0;
    for (size_t j = i; j < i + G; ++j) {
      const double value = first_value(gathered.episodes[j], rewards);
      if (std::isnan(value)) continue;
      sum += value;
      ++n;
    }
    if (n > 0) prompts.learn(gathered.prompts.rows[i / G], sum / n);
  }
}

}  // namespace r1
