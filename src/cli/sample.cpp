// r1 sample: rejection sampling, from a model to rows for SFT.
#include <cstdio>

#include "cli/verbs.h"
#include "train/sample.h"

namespace r1 {

Verb sample_verb() {
  Verb verb{"sample",
            "rejection sampling: many completions of each problem, the good ones as an SFT set",
            {"r1 sample --model DIR --limit 800 --samples 4 --max_per_problem 2 --output sft.jsonl",
             "r1 sample --model DIR --data gsm8k.jsonl --samples 16 --correct_reward math_answer "
             "--format_reward format_r1 --mix general.jsonl --mix_share 0.25 --output sft.jsonl",
             "r1 sample --model BASE --data train.jsonl --few_shot worked.jsonl --n_shots 4 "
             "--output cold.jsonl",
             "r1 sample --model ZERO --rewrite.model NAME --rewrite.url http://localhost:8000/v1 "
             "--output cold.jsonl"},
            {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    SampleConfig config;
    return run_verb(verb, config, args, [](SampleConfig& c) -> Result<void> {
      R1_TRY(const SampleReport report, rejection_sample(c));
      std::printf("%s%s\n", describe(report).c_str(), c.output.c_str());
      return {};
    });
  };
  return verb;
}

}  // namespace r1
