// r1 distill: a student learns from a teacher, by text, logits, its own samples or features.
#include "train/distill.h"
#include "cli/held_out.h"
#include "cli/verbs.h"

namespace r1 {

Verb distill_verb() {
  Verb verb{
      "distill",
      "a student learns from a teacher: traces, logits, on-policy or features",
      {"r1 distill --method traces --teacher runs/r1/final --model small --sample.limit 3000 "
       "--num_train_epochs 4 --output_dir runs/student",
       "r1 distill --method traces --teacher NAME --sample.url https://host/v1 "
       "--sample.api_key_env KEY --data problems.jsonl --model DIR --output_dir runs/student",
       "r1 distill --method logits --teacher DIR --model DIR --data traces.jsonl "
       "--teacher_top_k 64 --output_dir runs/kd",
       "r1 distill --method on_policy --lmbda 1 --divergence reverse_kl --teacher DIR --model DIR "
       "--output_dir runs/gkd",
       "r1 distill --method features --teacher DIR --data traces.jsonl --new_model.d_model 48 "
       "--output_dir runs/features"},
      {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    DistillConfig config;
    config.sample.config.samples = 2;
    return run_verb(verb, config, args, [&](DistillConfig& c) -> Result<void> {
      EvalConfig eval;
      eval.max_tokens = c.method == "traces" ? c.sample.config.max_tokens : c.max_completion_length;
      eval.reward_funcs = {c.sample.config.quality.correct_reward,
                           c.sample.config.quality.format_reward};
      eval.engine = c.engine;
      R1_TRY(const Evaluation evaluation,
             held_out_evaluation(c.held_out,
                                 {c.data, c.columns, c.train.seed, c.train.kv_dtype, eval}));
      R1_TRY(const StageReport report, distill(c, evaluation));
      return say_done(report, c.train.output_dir, command_line(verb, args));
    });
  };
  return verb;
}

}  // namespace r1
