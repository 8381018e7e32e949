// Group relative policy optimisation from rewards, and its relatives.  [docs/grpo.md; Shao et al.
// 2024]
#pragma once

#include "data/dataset.h"
#include "engine/engine.h"
#include "reward/episodes.h"
#include "train/corrections.h"
#include "train/curriculum.h"
#include "train/held_out.h"
#include "train/pretrain.h"

namespace r1 {

/// Names as in TRL's GRPOConfig, where it has them, else as in verl.
struct GrpoConfig {
  std::string model;
  std::string data = "builtin:last_digit";
  int64_t train_batch_size = 24;  // prompts a step
  int num_generations = 16;       // completions a prompt: the group
  int64_t max_completion_length = 160;
  std::vector<std::string> reward;  // [[reward]] tables; none: reward_funcs
  std::vector<std::string> reward_funcs = {"accuracy", "format"};
  std::vector<double> reward_weights;
  bool prefilled_think = false;
  double soft_overlong = 0.0;
  std::string advantage_estimator = "grpo";
  std::string scale_rewards = "group";
  std::string policy_loss = "ppo_clip";
  std::string importance_sampling_level = "token";
  std::string loss_type = "dapo";
  double epsilon = 0.2, epsilon_high = 0.28, delta = 0.0;
  double beta = 0.0;
  std::string kl_estimator = "k3";
  bool use_bias_correction_kl = false, use_kl_in_reward = false;
  int64_t ref_model_sync_steps = 0;
  double entropy_coef = 0.0;
  double off_policy_mask_threshold = 0.0;
  int num_iterations = 1, num_mini_batches = 1;
  bool mask_truncated_completions = false;
  bool dynamic_sampling = false;
  int max_num_gen_batches = 10;
  int64_t min_informative_groups = 0;
  CurriculumConfig curriculum;
  SamplingParams sampling;
  bool keep_sampling_mask = false;
  std::string rollout_dtype;
  RolloutCorrection rollout_correction;
  EngineConfig engine;
  double mtp_loss_weight = 0.0;
  int64_t eval_steps = 0;
  int num_completions_to_print = 4;
  int64_t watch_prompts = 0, watch_steps = 10;
  AdapterArguments adapters;
  DatasetOptions columns;
  TrainingArguments train;

  void visit(auto&& f) {
    f("model", model, "model folder to start from; a PEFT folder: go on with its adapter");
    f("data", data, "builtin:last_digit, or a JSONL file with prompts and answers");
    f("train_batch_size", train_batch_size, "prompts of one step");
    f("num_generations", num_generations, "completions of each prompt: the group");
    f("max_completion_length", max_completion_length, "tokens a completion may have");
    visit_rewards(f);
    visit_loss(f);
    visit_sampling(f);
    f("mtp_loss_weight", mtp_loss_weight,
      "the MTP module goes on learning what is sampled, with this weight and without an effect on "
      "the model itself; 0: it stays as it is, and its guesses grow stale");
    f("eval_steps", eval_steps, "evaluate on held-out problems every so many steps; 0: never");
    f("num_completions_to_print", num_completions_to_print,
      "sampled completions written to samples.jsonl a step");
    f("watch_prompts", watch_prompts,
      "the same so many prompts are answered every watch_steps, in watched.jsonl and the report");
    f("watch_steps", watch_steps, "how often, and before the first step and after the last");
    adapters.visit(f);
    columns.visit(f);
    train.visit(f);
  }
  Result<void> validate() const;

 private:
  void visit_rewards(auto&& f) {
    f("reward", reward, "[[reward]] tables of a config file, instead of reward_funcs");
    f("reward_funcs", reward_funcs,
      "rewards, added up: accuracy, accuracy_strict, format, format_r1, …");
    f("reward_weights", reward_weights, "one weight per reward; none: 1 each");
    f("prefilled_think", prefilled_think,
      "prompts end with <think>: the completion begins inside it");
    f("soft_overlong", soft_overlong,
      "DAPO's penalty, from 0 to -1 over this last share of max_completion_length (0.2); 0: none");
    f("advantage_estimator", advantage_estimator,
      "grpo (against the group's mean), rloo (the others' mean), reinforce_plus_plus (whitened "
      "over the batch), reinforce_plus_plus_baseline");
    f("scale_rewards", scale_rewards,
      "divide advantages by the std of the group, the batch, or none");
  }
  void visit_loss(auto&& f) {
    f("policy_loss", policy_loss, "ppo_clip, cispo (clipped weight) or reinforce (no ratio)");
    f("importance_sampling_level", importance_sampling_level,
      "the ratio is a token's, a sequence's (GSPO), or sequence_token (GSPO-token)");
    f("loss_type", loss_type,
      "grpo (mean per sequence), dapo (mean per token), reinforce, dr_grpo");
    f("epsilon", epsilon, "the ratio is clipped at 1 - epsilon");
    f("epsilon_high", epsilon_high, "and at 1 + epsilon_high");
    f("delta", delta,
      "dual clip: a bad answer's ratio beyond this has no gradient (verl's clip_ratio_c, 3); 0: "
      "off");
    f("beta", beta, "weight of the KL penalty against the reference; 0: no reference");
    f("kl_estimator", kl_estimator, "the penalty's estimate: k1, k2 or k3");
    f("use_bias_correction_kl", use_bias_correction_kl,
      "times the ratio, so that the gradient has no bias (DeepSeek-V3.2)");
    f("use_kl_in_reward", use_kl_in_reward,
      "the penalty is taken out of the reward and is no part of the loss (RLOO, REINFORCE++)");
    f("ref_model_sync_steps", ref_model_sync_steps,
      "the reference becomes the policy every so many steps; 0: never");
    f("entropy_coef", entropy_coef, "weight of an entropy bonus");
    f("off_policy_mask_threshold", off_policy_mask_threshold,
      "a bad answer does not count once the policy has moved this far from its sampler, in nats a "
      "token (DeepSeek-V3.2; 0.5); 0: off");
    f("num_iterations", num_iterations, "passes over each rollout");
    f("num_mini_batches", num_mini_batches, "updates in each pass");
    f("mask_truncated_completions", mask_truncated_completions,
      "completions cut by the limit carry no loss");
    f("min_informative_groups", min_informative_groups,
      "no update from fewer groups whose rewards differ; 0: from any");
  }
  void visit_sampling(auto&& f) {
    f("dynamic_sampling", dynamic_sampling,
      "DAPO: draw further prompts until the batch is full of groups whose rewards differ");
    f("max_num_gen_batches", max_num_gen_batches, "but no more batches of prompts than this");
    f("curriculum", curriculum);
    f("sampling", sampling);
    f("keep_sampling_mask", keep_sampling_mask,
      "top-p, top-k and min-p are part of the policy: probabilities are those among the tokens "
      "that they kept, in sampler and trainer");
    f("rollout_dtype", rollout_dtype,
      "rollouts run on a copy of the weights in bf16, f16, q8_0, q4_0 or fp8; empty: on the "
      "weights that learn");
    f("rollout_correction", rollout_correction);
    f("engine", engine);
    f("speculate", engine.speculate, EngineConfig::kSpeculateHelp);
  }
};

Result<StageReport> grpo(GrpoConfig config, const Evaluation& evaluation = {});

}  // namespace r1
