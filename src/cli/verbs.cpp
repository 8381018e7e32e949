#include "cli/verbs.h"

#include <cstdio>

#include "recipes/run_report.h"
#include "train/pretrain.h"

namespace r1 {

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> all{quickstart_verb(), run_verb_of_recipes(), pretrain_verb(),
                                     sft_verb(),        sample_verb(),         review_verb(),
                                     rl_verb(),         distill_verb(),        eval_verb(),
                                     generate_verb(),   chat_verb(),           data_verb(),
                                     tokenizer_verb(),  convert_verb(),        inspect_verb(),
                                     plan_verb(),       claims_verb(),         merge_verb(),
                                     reward_verb(),     sandbox_verb(),        doctor_verb()};
  return all;
}

int report_error(const Verb& verb, const Error& error) {
  std::fprintf(stderr, "r1 %s: error: %s\n", verb.name.c_str(), error.message.c_str());
  return 1;
}

std::string command_line(const Verb& verb, const std::vector<std::string>& args) {
  std::string line = "r1 " + verb.name;
  for (const std::string& arg : args) line += " " + arg;
  return line;
}

Result<void> say_done(const StageReport& report, const std::string& output_dir,
                      const std::string& command) {
  R1_TRY(const Path page, write_run_report(output_dir, command));
  std::printf(
      "%lld steps, %s tokens, %s\nmodel:    %s\npictures: %s\ntry:      r1 chat --model %s\n",
      static_cast<long long>(report.steps), human_count(static_cast<double>(report.tokens)).c_str(),
      human_seconds(report.seconds).c_str(), report.model.c_str(), page.c_str(),
      report.model.c_str());
  return {};
}

}  // namespace r1
