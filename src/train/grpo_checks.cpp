#include "train/grpo_checks.h"

#include <algorithm>
#include <cmath>

namespace r1 {
namespace {

Result<void> at_least(const char* name, int64_t value, int64_t least) {
  if (value >= least) return {};
  return fail("{} is {}; it must be at least {}", name, value, least);
}

Result<void> check_loss(const GrpoConfig& c) {
  for (const auto& [name, value] :
       {std::pair{"epsilon", c.epsilon}, std::pair{"epsilon_high", c.epsilon_high},
        std::pair{"beta", c.beta}, std::pair{"delta", c.delta},
        std::pair{"off_policy_mask_threshold", c.off_policy_mask_threshold}}) {
    if (!(value >= 0)) return fail("{} is {}; it must not be negative", name, value);
  }
  if (c.delta > 0 && c.delta <= 1 + c.epsilon_high) {
    return fail("delta is {}; a dual clip lies above 1 + epsilon_high = {} (3 is usual)", c.delta,
                1 + c.epsilon_high);
  }
  if (c.use_kl_in_reward && c.use_bias_correction_kl) {
    return fail(
        "use_bias_correction_kl is for a penalty in the loss, and use_kl_in_reward takes "
        "it out of there: choose one");
  }
  if (c.importance_sampling_level != "token" && c.policy_loss == "reinforce") {
    return fail(
        "importance_sampling_level is {}, and policy_loss reinforce has no ratio: leave it "
        "at token",
        c.importance_sampling_level);
  }
  return {};
}

Result<void> check_sampling(const GrpoConfig& c) {
  if (!(c.sampling.temperature > 0)) {
    return fail("sampling.temperature is {}; RL needs it above 0", c.sampling.temperature);
  }
  if (c.keep_sampling_mask && c.sampling.repetition_penalty != 1) {
    return fail("keep_sampling_mask goes with sampling.repetition_penalty 1, not {}",
                c.sampling.repetition_penalty);
  }
  if (!(c.soft_overlong >= 0 && c.soft_overlong <= 1)) {
    return fail("soft_overlong is {}; it is a share of max_completion_length, from 0 to 1",
                c.soft_overlong);
  }
  R1_RETURN_IF_ERROR(at_least("max_num_gen_batches", c.max_num_gen_batches, 1));
  R1_RETURN_IF_ERROR(at_least("min_informative_groups", c.min_informative_groups, 0));
  if (c.min_informative_groups > c.train_batch_size) {
    return fail("min_informative_groups is {}, and a step has {} groups (train_batch_size)",
                c.min_informative_groups, c.train_batch_size);
  }
  R1_RETURN_IF_ERROR(c.curriculum.validate());
  return c.rollout_correction.validate();
}

}  // namespace

Result<void> GrpoConfig::validate() const {
  if (model.empty()) return fail("model is not set; name a model folder: --model DIR");
  if (num_generations < 2)
    return fail("num_generations is {}; a group needs at least 2", num_generations);
  R1_RETURN_IF_ERROR(at_least("train_batch_size", train_batch_size, 1));
  R1_RETURN_IF_ERROR(at_least("max_completion_length", max_completion_length, 1));
  if (num_iterations < 1 || num_mini_batches < 1)
    return fail("num_iterations and num_mini_batches must be at least 1");
  R1_RETURN_IF_ERROR(check_loss(*this));
  return check_sampling(*this);
}

Result<RewardSet> rewards_of(const GrpoConfig& config) {
  std::vector<std::string> tables = config.reward, names = config.reward_funcs;
  std::vector<double> weights = config.reward_weights;
  if (config.soft_overlong > 0) {
    const auto most = config.max_completion_length;
    const auto cache =
        static_cast<int64_t>(std::llround(config.soft_overlong * static_cast<double>(most)));
    const std::string penalty =
        fmt::format("overlong;label=soft_overlong;unit=tokens;max_length={};cache={}", most, cache);
    (tables.empty() ? names : tables).push_back(penalty);
    if (tables.empty() && !weights.empty()) weights.push_back(1);
  }
  return choose_rewards(tables, names, weights, {config.prefilled_think});
}

Result<void> check_reference(const GrpoConfig& config, const TrainedModel& from) {
  if (!from.is_adapted || config.beta == 0 || config.ref_model_sync_steps == 0) return {};
  return fail(
      "ref_model_sync_steps is {}, but with an adapter the frozen base is the reference: "
      "set it to 0",
      config.ref_model_sync_steps);
}

Result<void> check_mtp(const GrpoConfig& config, const Transformer& model) {
  if (!(config.mtp_loss_weight >= 0)) {
    return fail("mtp_loss_weight is {}; it must be 0 (off) or more", config.mtp_loss_weight);
  }
  if (config.mtp_loss_weight == 0) return {};
  if (model.adapted()) {
    return fail("mtp_loss_weight is {}, but an adapter learns and the modules do not: set it to 0",
                config.mtp_loss_weight);
  }
  if (!model.mtp().empty()) return {};
  return fail("mtp_loss_weight is {}, but the model has no module for multi-token prediction",
              config.mtp_loss_weight);
}

}  // namespace r1
