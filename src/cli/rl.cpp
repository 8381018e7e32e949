// r1 rl: GRPO and its relatives; --preset zero is R1-Zero.
#include <algorithm>

#include "base/log.h"
#include "cli/verbs.h"
#include "data/last_digit.h"
#include "eval/evaluate.h"
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
