// r1 distill: a student learns from a teacher, by text, logits, its own samples or features.
#include "train/distill.h"
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
      R1_TRY(const StageReport report, distill(c));
      return say_done(report, c.train.output_dir, command_line(verb, args));
    });
  };
  return verb;
}

}  // namespace r1
