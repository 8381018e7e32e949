// r1 rl: GRPO and its relatives; --preset zero is R1-Zero.
#include <algorithm>

#include "cli/held_out.h"
#include "cli/verbs.h"
#include "train/grpo_presets.h"

namespace r1 {
namespace {

struct RlVerbConfig {
  std::string preset;
  std::string eval_data;
  int64_t eval_limit = 128;
  int eval_samples = 4;
  GrpoConfig grpo;

  void visit(auto&& f) {
    static const std::string kHelp =
        "settings that any other option overrides: " + rl_preset_names() + " (docs/grpo.md)";
    f("preset", preset, kHelp.c_str());
    f("eval_data", eval_data, "held-out JSONL for --eval_steps; the built-in task has its own");
    f("eval_limit", eval_limit, "held-out problems");
    f("eval_samples", eval_samples, "completions of each held-out problem");
    grpo.visit(f);
  }
};

/// The preset stands below every other option, wherever it is written: on the command line or in a
/// file. Options that cannot be read are reported when they are read again.
std::string find_preset(const Verb& verb, const std::vector<std::string>& args) {
  const auto is_help = [](const std::string& arg) { return arg == "-h" || arg == "--help"; };
  if (std::any_of(args.begin(), args.end(), is_help)) return "";
  RlVerbConfig probe;
  bool help_printed = false;
  const auto parsed = parse_options(list_fields(probe), args, verb, &help_printed);
  return parsed ? probe.preset : "";
}

Result<void> run_rl(RlVerbConfig& config, const std::string& command) {
  const GrpoConfig& grpo_config = config.grpo;
  EvalConfig eval;
  eval.max_tokens = grpo_config.max_completion_length;
  eval.reward = grpo_config.reward;
  eval.reward_funcs = grpo_config.reward_funcs;
  eval.prefilled_think = grpo_config.prefilled_think;
  eval.engine = grpo_config.engine;
  R1_TRY(const Evaluation evaluation,
         held_out_evaluation(
             {config.eval_data, grpo_config.eval_steps, config.eval_limit, config.eval_samples},
             {grpo_config.data, grpo_config.columns, grpo_config.train.seed,
              grpo_config.train.kv_dtype, eval}));
  R1_TRY(const StageReport report, grpo(grpo_config, evaluation));
  return say_done(report, grpo_config.train.output_dir, command);
}

}  // namespace

Verb rl_verb() {
  Verb verb{"rl",
            "reinforcement learning from rewards (GRPO and its relatives)",
            {"r1 rl --preset zero --model DIR --data gsm8k.jsonl --output_dir runs/zero",
             "r1 rl --model runs/base/final --reward_funcs accuracy_strict,format --output_dir "
             "runs/rl --eval_steps 10",
             "r1 rl --preset dapo --epsilon_high 0.3 --model DIR --data gsm8k.jsonl --output_dir "
             "runs/dapo",
             "r1 rl --config recipes/rl-all-scenarios.toml --model DIR --data prompts.jsonl"},
            {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    RlVerbConfig config;
    config.grpo.train.learning_rate = 1e-6;
    if (auto set = apply_rl_preset(config.grpo, find_preset(verb, args)); !set)
      return report_error(verb, set.error());
    return run_verb(verb, config, args,
                    [&](RlVerbConfig& c) { return run_rl(c, command_line(verb, args)); });
  };
  return verb;
}

}  // namespace r1
