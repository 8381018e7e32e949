#include "cli/held_out.h"

#include "base/log.h"
#include "data/last_digit.h"
#include "train/run.h"

namespace r1 {
namespace {

constexpr int64_t kValidationFirst = 1'000'000;  // others than those of r1 eval

Result<std::vector<Problem>> read_held_out(const HeldOutConfig& config, const HeldOutTask& task) {
  std::vector<Problem> problems;
  if (!config.eval_data.empty()) {
    R1_TRY(problems, read_problems(config.eval_data, task.columns));
    if (static_cast<int64_t>(problems.size()) > config.eval_limit)
      problems.resize(static_cast<size_t>(config.eval_limit));
  } else if (task.data == kLastDigitData) {
    problems = held_out_last_digit_problems(task.seed, kValidationFirst, config.eval_limit);
  }
  return problems;
}

/// The problems are checked against the model once, when the first is there.
struct HeldOut {
  HeldOutConfig config;
  HeldOutTask task;
  std::vector<Problem> problems;
  bool is_checked = false;

  Result<Metrics> measure(const Transformer& model, const Chat& chat, const Machine& machine) {
    EvalConfig eval = task.eval;
    eval.samples = config.eval_samples;
    R1_TRY(const Dtype kv_dtype, kv_dtype_of(task.kv_dtype, model.dtype()));
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
                   {fmt::format("eval/cons@{}", config.eval_samples), e.summary.cons_at_k},
                   {"eval/format_rate", e.summary.format_rate},
                   {"eval/mean_length", e.summary.mean_length}};
  }
};

}  // namespace

Result<Evaluation> held_out_evaluation(const HeldOutConfig& config, const HeldOutTask& task) {
  if (config.eval_steps < 1) return Evaluation{};
  R1_TRY(std::vector<Problem> problems, read_held_out(config, task));
  if (problems.empty())
    return fail(
        "eval_steps is set but there is nothing to evaluate on; name a file: --eval_data FILE");
  return [held_out = HeldOut{config, task, std::move(problems)}](
             int64_t, const Transformer& model, const Chat& chat, const Machine& machine) mutable {
    return held_out.measure(model, chat, machine);
  };
}

}  // namespace r1
