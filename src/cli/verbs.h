// The words of `r1 WORD …`, one file each.
#pragma once

#include <vector>

#include "cli/options.h"

namespace r1 {

struct StageReport;

const std::vector<Verb>& verbs();

Verb quickstart_verb();
Verb run_verb_of_recipes();
Verb pretrain_verb();
Verb sft_verb();
Verb rl_verb();
Verb distill_verb();
Verb sample_verb();
Verb review_verb();
Verb eval_verb();
Verb generate_verb();
Verb chat_verb();
Verb data_verb();
Verb tokenizer_verb();
Verb convert_verb();
Verb inspect_verb();
Verb plan_verb();
Verb claims_verb();
Verb merge_verb();
Verb reward_verb();
Verb sandbox_verb();
Verb doctor_verb();

/// Prints "r1 VERB: error: …" and returns the exit status 1.
int report_error(const Verb& verb, const Error& error);

/// "r1 VERB --model a --n 3": the command as it was typed, for reports.
std::string command_line(const Verb& verb, const std::vector<std::string>& args);

/// What a stage did, where its model and its page of pictures are, and what to try next.
Result<void> say_done(const StageReport& report, const std::string& output_dir,
                      const std::string& command);

/// Parses the arguments into config, then runs; --help and errors are dealt with here.
template <class Config, class Body>
int run_verb(const Verb& verb, Config& config, const std::vector<std::string>& args, Body&& body) {
  bool help = false;
  if (auto parsed = parse_options(list_fields(config), args, verb, &help); !parsed) {
    return report_error(verb, parsed.error());
  }
  if (help) return 0;
  if (auto done = body(config); !done) return report_error(verb, done.error());
  return 0;
}

}  // namespace r1
