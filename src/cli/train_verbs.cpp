// r1 pretrain, r1 sft: one stage each.
#include "cli/verbs.h"
#include "train/pretrain.h"

namespace r1 {
Verb pretrain_verb() {
  Verb verb{
      "pretrain",
      "next-token training on documents, from nothing or from a checkpoint",
      {"r1 pretrain --output_dir runs/base --gate.enabled --max_steps 6000",
       "r1 pretrain --model DIR --data corpus.jsonl --eval_data held_out.jsonl --eval_steps 100 "
       "--output_dir runs/more",
       "r1 pretrain --model DIR --data long.tokens --rope_scaling yarn "
       "--max_position_embeddings 4096 --output_dir runs/longer"},
      {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    PretrainConfig config;
    config.train.learning_rate = 3e-3;
    config.train.warmup_steps = 20;
    config.train.max_steps = 4000;
    config.train.save_steps = 500;
    return run_verb(verb, config, args, [&](PretrainConfig& c) -> Result<void> {
      R1_TRY(const StageReport report, pretrain(c));
      return say_done(report, c.train.output_dir, command_line(verb, args));
    });
  };
  return verb;
}

Verb sft_verb() {
  Verb verb{"sft",
            "supervised fine-tuning on prompts with answers",
            {"r1 sft --model DIR --data chats.jsonl --output_dir runs/sft --num_train_epochs 2"},
            {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    SftConfig config;
    return run_verb(verb, config, args, [&](SftConfig& c) -> Result<void> {
      R1_TRY(const StageReport report, sft(c));
      return say_done(report, c.train.output_dir, command_line(verb, args));
    });
  };
  return verb;
}

}  // namespace r1
