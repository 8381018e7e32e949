// r1 data decontaminate: which training rows share ten words in a row with a test set.
#include <cstdio>

#include "cli/data_actions.h"
#include "eval/decontaminate.h"

namespace r1 {
namespace {

Result<void> run_decontaminate(DecontaminateConfig& config) {
  R1_TRY(const DecontaminationReport report, decontaminate(config));
  std::printf("%s\n", describe(report, config.ngram).c_str());
  if (!config.output.empty())
    std::printf("clean rows: %s (%lld)\n", config.output.c_str(),
                static_cast<long long>(report.n_train - report.n_contaminated));
  if (config.json.empty()) return {};
  return write_text_atomic(config.json, decontamination_to_json(report, config.ngram) + "\n");
}

}  // namespace

const Verb& decontaminate_action() {
  static const Verb verb = [] {
    Verb made{"data decontaminate",
              "find training rows that share 10 words in a row with a test set",
              {"r1 data decontaminate --train train.jsonl --test gsm8k_test.jsonl,math500.jsonl "
               "--output clean.jsonl"},
              {}};
    made.run = [made](const std::vector<std::string>& args) {
      DecontaminateConfig config;
      return run_verb(made, config, args, run_decontaminate);
    };
    return made;
  }();
  return verb;
}

}  // namespace r1
