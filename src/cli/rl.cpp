// r1 rl: GRPO from rule rewards; --preset zero is R1-Zero.
#include "base/log.h"
#include "cli/verbs.h"
#include "data/last_digit.h"
#include "eval/evaluate.h"
#include "train/grpo.h"

namespace r1 {
namespace {

struct RlVerbConfig {
  std::string preset;
  std::string eval_data;
  int64_t eval_limit = 128;
  int eval_samples = 4;
  GrpoConfig grpo;

  void visit(auto&& f) {
    f("preset", preset,
      "zero: R1-Zero's settings (16 per prompt, KL 0.001, reference every 400 steps)");
    f("eval_data", eval_data, "held-out JSONL for --eval_steps; the built-in task has its own");
    f("eval_limit", eval_limit, "held-out problems");
    f("eval_samples", eval_samples, "completions of each held-out problem");
    grpo.visit(f);
  }
};

/// The published settings of R1-Zero.                    [DeepSeek-AI 2025, arXiv 2501.12948v2,
/// app. B]
Result<void> apply_preset(GrpoConfig& config, const std::string& name) {
  if (name.empty()) return {};
  if (name != "zero") return fail("unknown preset '{}'; known: zero", name);
  config.num_generations = 16;
  config.train_batch_size = 32;
  config.loss_type = "grpo";
  config.scale_rewards = "group";
  config.beta = 0.001;
  config.ref_model_sync_steps = 400;
  config.reward_funcs = {"accuracy", "format"};
  config.train.learning_rate = 3e-6;
  config.sampling.temperature = 1.0f;
  return {};
}

/// The preset stands below every other argument, wherever it is written.
std::string find_preset(const std::vector<std::string>& args) {
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--preset" && i + 1 < args.size()) return args[i + 1];
    if (args[i].starts_with("--preset=")) return args[i].substr(9);
  }
  return "";
}

Result<std::vector<Problem>> held_out(const RlVerbConfig& config) {
  std::vector<Problem> problems;
  if (!config.eval_data.empty()) {
    R1_TRY(problems, read_problems(config.eval_data, config.grpo.columns));
    if (static_cast<int64_t>(problems.size()) > config.eval_limit)
      problems.resize(config.eval_limit);
  } else if (config.grpo.data == kLastDigitData) {
    problems = held_out_last_digit_problems(config.grpo.train.seed, 0, config.eval_limit);
  }
  return problems;
}

Result<void> run_rl(RlVerbConfig& config, const std::string& command) {
  R1_TRY(std::vector<Problem> problems, held_out(config));
  bool is_checked = false;
  if (config.grpo.eval_steps > 0 && problems.empty()) {
    return fail(
        "eval_steps is set but there is nothing to evaluate on; name a file: --eval_data FILE");
  }
  Evaluation evaluation = [&](int64_t, const Transformer& model, const Chat& chat,
                              const Machine& machine) -> Result<Metrics> {
    EvalConfig eval;
    eval.samples = config.eval_samples;
    eval.max_tokens = config.grpo.max_completion_length;
    eval.reward = config.grpo.reward;
    eval.reward_funcs = config.grpo.reward_funcs;
    eval.prefilled_think = config.grpo.prefilled_think;
    eval.engine = config.grpo.engine;
    R1_TRY(const Dtype kv_dtype, kv_dtype_of(config.grpo.train.kv_dtype, model.dtype()));
    if (!is_checked) {
      R1_TRY(const RewardSet rewards,
             choose_rewards(eval.reward, eval.reward_funcs, {}, {eval.prefilled_think}));
      R1_TRY(problems, usable_problems(std::move(problems), chat, rewards,
                                       eval.engine.length(model.config().max_positions),
                                       config.eval_data, *machine.launch().pool));
      is_checked = true;
    }
    R1_TRY(const Evaluated e, evaluate(model, chat, problems, eval, kv_dtype, machine.launch()));
    return Metrics{{"eval/pass@1", e.summary.pass_at_1},
                   {"eval/pass@1_stderr", e.summary.pass_at_1_stderr},
                   {"eval/format_rate", e.summary.format_rate},
                   {"eval/mean_length", e.summary.mean_length}};
  };
  R1_TRY(const StageReport report, grpo(config.grpo, problems.empty() ? Evaluation{} : evaluation));
  return say_done(report, config.grpo.train.output_dir, command);
}

}  // namespace

Verb rl_verb() {
  Verb verb{"rl",
            "reinforcement learning from rule rewards (GRPO and its variants)",
            {"r1 rl --preset zero --model DIR --data gsm8k.jsonl --output_dir runs/zero",
             "r1 rl --model runs/base/final --reward_funcs accuracy_strict,format --output_dir "
             "runs/rl --eval_steps 10"},
            {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    RlVerbConfig config;
    config.grpo.train.learning_rate = 1e-6;
    if (auto set = apply_preset(config.grpo, find_preset(args)); !set)
      return report_error(verb, set.error());
    return run_verb(verb, config, args,
                    [&](RlVerbConfig& c) { return run_rl(c, command_line(verb, args)); });
  };
  return verb;
}

}  // namespace r1
