// Group relative policy optimisation from rule rewards.                [docs/grpo.md; Shao et al.
// 2024]
#pragma once

#include "data/dataset.h"
#include "engine/engine.h"
#include "reward/episodes.h"
#include "train/objectives.h"
#include "train/pretrain.h"

namespace r1 {

/// Names as in TRL's GRPOConfig, where it has them.
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
  std::string loss_type = "dapo";
  std::string scale_rewards = "group";
  double epsilon = 0.2, epsilon_high = 0.28;
  double beta = 0.0;
  int64_t ref_model_sync_steps = 0;
  double entropy_coef = 0.0;
  int num_iterations = 1, num_mini_batches = 1;
  bool mask_truncated_completions = false;
  SamplingParams sampling;
  EngineConfig engine;
  double mtp_loss_weight = 0.0;
  int64_t eval_steps = 0;
  int num_completions_to_print = 4;
  AdapterArguments adapters;
  DatasetOptions columns;
  TrainingArguments train;

  void visit(auto&& f) {
    f("model", model, "model folder to start from; a PEFT folder: go on with its adapter");
    f("data", data, "builtin:last_digit, or a JSONL file with prompts and answers");
    f("train_batch_size", train_batch_size, "prompts of one step");
    f("num_generations", num_generations, "completions of each prompt: the group");
    f("max_completion_length", max_completion_length, "tokens a completion may have");
    f("reward", reward, "[[reward]] tables of a config file, instead of reward_funcs");
    f("reward_funcs", reward_funcs,
      "rewards, added up: accuracy, accuracy_strict, format, format_r1, …");
    f("reward_weights", reward_weights, "one weight per reward; none: 1 each");
    f("prefilled_think", prefilled_think,
      "prompts end with <think>: the completion begins inside it");
    f("loss_type", loss_type,
      "grpo (mean per sequence), dapo (mean per token), reinforce, dr_grpo");
    f("scale_rewards", scale_rewards,
      "divide advantages by the std of the group, the batch, or none");
    f("epsilon", epsilon, "the ratio is clipped at 1 - epsilon");
    f("epsilon_high", epsilon_high, "and at 1 + epsilon_high");
    f("beta", beta, "weight of the KL penalty (k3) against the reference; 0: no reference");
    f("ref_model_sync_steps", ref_model_sync_steps,
      "the reference becomes the policy every so many steps; 0: never");
    f("entropy_coef", entropy_coef, "weight of an entropy bonus");
    f("num_iterations", num_iterations, "passes over each rollout");
    f("num_mini_batches", num_mini_batches, "updates in each pass");
    f("mask_truncated_completions", mask_truncated_completions,
      "completions cut by the limit carry no loss");
    f("sampling", sampling);
    f("engine", engine);
    f("speculate", engine.speculate, EngineConfig::kSpeculateHelp);
    f("mtp_loss_weight", mtp_loss_weight,
      "the MTP module goes on learning what is sampled, with this weight and without an effect on "
      "the model itself; 0: it stays as it is, and its guesses grow stale");
    f("eval_steps", eval_steps, "evaluate on held-out problems every so many steps; 0: never");
    f("num_completions_to_print", num_completions_to_print,
      "sampled completions written to samples.jsonl a step");
    adapters.visit(f);
    columns.visit(f);
    train.visit(f);
  }
  Result<void> validate() const;
};

/// Called before step 0, every eval_steps, and at the end; its metrics are recorded as they are.
using Evaluation = std::function<Result<Metrics>(int64_t step, const Transformer& model,
                                                 const Chat& chat, const Machine& machine)>;

Result<StageReport> grpo(GrpoConfig config, const Evaluation& evaluation = {});

}  // namespace r1
