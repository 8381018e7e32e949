#include "train/grpo_presets.h"

namespace r1 {
namespace {

/// The published settings of R1-Zero.                    [DeepSeek-AI 2025, arXiv 2501.12948v2,
/// app. B]
void r1_zero(GrpoConfig& c) {
  c.num_generations = 16;
  c.train_batch_size = 32;
  c.loss_type = "grpo";
  c.scale_rewards = "group";
  c.beta = 0.001;
  c.ref_model_sync_steps = 400;
  c.reward_funcs = {"accuracy", "format"};
  c.train.learning_rate = 3e-6;
  c.sampling.temperature = 1.0f;
}

/// Those of R1's first RL stage: rollouts of 512 prompts in 16 updates, clipped at 10. The
/// reference moves every 400 updates, which are 25 rollouts.
void first_stage(GrpoConfig& c) {
  r1_zero(c);
  c.train_batch_size = 512;
  c.num_mini_batches = 16;
  c.epsilon = c.epsilon_high = 10;
  c.ref_model_sync_steps = 25;
}

/// DeepSeekMath's, with the loss of its eq. 3.                [Shao et al. 2024, sec. 4.2]
void plain_grpo(GrpoConfig& c) {
  c.loss_type = "grpo";
  c.scale_rewards = "group";
  c.epsilon = c.epsilon_high = 0.2;
  c.beta = 0.04;
  c.train.learning_rate = 1e-6;
}

/// [Liu et al. 2025, arXiv 2503.20783, sec. 3.2]
void dr_grpo(GrpoConfig& c) {
  c.loss_type = "dr_grpo";
  c.scale_rewards = "none";
  c.epsilon = c.epsilon_high = 0.2;
  c.beta = 0;
  c.train.learning_rate = 1e-6;
}

/// [Yu et al. 2025, arXiv 2503.14476, sec. 3 and 4.1]
void dapo(GrpoConfig& c) {
  c.loss_type = "dapo";
  c.scale_rewards = "group";
  c.epsilon = 0.2;
  c.epsilon_high = 0.28;
  c.beta = 0;
  c.dynamic_sampling = true;
  c.max_num_gen_batches = 10;
  c.soft_overlong = 0.2;  // 4096 of 20480 tokens
  c.num_generations = 16;
  c.num_mini_batches = 16;
  c.train.learning_rate = 1e-6;
  c.train.warmup_steps = 20;
}

/// [Zheng et al. 2025, arXiv 2507.18071, sec. 5.1]
void gspo(GrpoConfig& c) {
  c.importance_sampling_level = "sequence";
  c.loss_type = "grpo";
  c.scale_rewards = "group";
  c.epsilon = 3e-4;
  c.epsilon_high = 4e-4;
  c.beta = 0;
  c.num_mini_batches = 4;
}

void gspo_token(GrpoConfig& c) {
  gspo(c);
  c.importance_sampling_level = "sequence_token";
}

/// Only an upper bound, at 5.    [MiniMax 2025, arXiv 2506.13585, sec. 3.1; Khatri et al. 2025]
void cispo(GrpoConfig& c) {
  c.policy_loss = "cispo";
  c.loss_type = "dapo";
  c.scale_rewards = "group";
  c.epsilon = 1;  // a ratio is never below 0
  c.epsilon_high = 4;
  c.beta = 0;
}

/// [Ahmadian et al. 2024, arXiv 2402.14740, sec. 3; the KL penalty is TRL's]
void rloo(GrpoConfig& c) {
  c.advantage_estimator = "rloo";
  c.policy_loss = "reinforce";
  c.loss_type = "reinforce";
  c.beta = 0.05;
  c.kl_estimator = "k1";
  c.use_kl_in_reward = true;
}

/// [Hu et al. 2025, arXiv 2501.03262]
void reinforce_pp(GrpoConfig& c) {
  c.advantage_estimator = "reinforce_plus_plus";
  c.loss_type = "dapo";
  c.epsilon = c.epsilon_high = 0.2;
  c.beta = 0.01;
  c.kl_estimator = "k1";
  c.use_kl_in_reward = true;
}

void reinforce_pp_baseline(GrpoConfig& c) {
  c.advantage_estimator = "reinforce_plus_plus_baseline";
  c.loss_type = "dapo";
  c.epsilon = c.epsilon_high = 0.2;
  c.beta = 0.01;
  c.kl_estimator = "k2";
}

/// The mask's threshold is not published; TRL's is 0.5. [DeepSeek-AI 2025, V3.2, sec. 3.1]
void v3_2(GrpoConfig& c) {
  c.loss_type = "grpo";
  c.scale_rewards = "none";
  c.beta = 0.001;
  c.use_bias_correction_kl = true;
  c.off_policy_mask_threshold = 0.5;
  c.keep_sampling_mask = true;
  c.num_mini_batches = 4;
}

struct Preset {
  const char* name;
  void (*apply)(GrpoConfig&);
  const char* help;
};

constexpr Preset kPresets[] = {
    {"zero", r1_zero, "R1-Zero: 16 answers to 32 prompts, KL 0.001, reference every 400 steps"},
    {"r1", first_stage,
     "R1's first RL stage: rollouts of 512 prompts, 16 updates each, clipped at 10"},
    {"grpo", plain_grpo, "DeepSeekMath: mean per sequence, KL 0.04"},
    {"dr_grpo", dr_grpo, "no division by length or std, no KL"},
    {"dapo", dapo, "clip-higher, dynamic sampling, mean per token, soft overlong penalty"},
    {"gspo", gspo, "ratio and clip of whole sequences"},
    {"gspo_token", gspo_token, "the same with gradients of tokens"},
    {"cispo", cispo, "weights clipped at 5, every token keeps its gradient"},
    {"rloo", rloo, "REINFORCE against the mean of the others, KL in the reward"},
    {"reinforce_pp", reinforce_pp, "returns whitened over the batch, KL in the reward"},
    {"reinforce_pp_baseline", reinforce_pp_baseline, "less the group's mean, then whitened"},
    {"v3_2", v3_2, "DeepSeek-V3.2: unbiased KL, off-policy sequence mask, kept sampling mask"},
};

}  // namespace

Result<void> apply_rl_preset(GrpoConfig& config, const std::string& name) {
  if (name.empty()) return {};
  for (const Preset& preset : kPresets) {
    if (name != preset.name) continue;
    preset.apply(config);
    return {};
  }
  return fail("unknown preset '{}'; known:\n{}", name, rl_preset_help());
}

std::string rl_preset_names() {
  std::string names;
  for (const Preset& preset : kPresets) {
    names += (names.empty() ? "" : ", ") + std::string(preset.name);
  }
  return names;
}

std::string rl_preset_help() {
  std::string text;
  for (const Preset& preset : kPresets) {
    text += fmt::format("  {:<22} {}\n", preset.name, preset.help);
  }
  return text;
}

}  // namespace r1
