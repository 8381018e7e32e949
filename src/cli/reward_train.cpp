#include "cli/reward_train.h"

#include <cstdio>

#include "base/log.h"
#include "cli/verbs.h"
#include "recipes/run_report.h"
#include "train/reward_train.h"

namespace r1 {
namespace {

Result<void> train(const RewardTrainConfig& config, const std::string& command) {
  R1_TRY(const StageReport report, train_reward(config));
  R1_TRY(const Path page, write_run_report(config.train.output_dir, command));
  std::printf(
      "%lld steps, %s tokens, %s\nmodel:    %s\npictures: %s\ntry:      r1 reward check --reward "
      "'reward_model;model=%s' --data answers.jsonl\n",
      static_cast<long long>(report.steps), human_count(static_cast<double>(report.tokens)).c_str(),
      human_seconds(report.seconds).c_str(), report.model.c_str(), page.c_str(),
      report.model.c_str());
  return {};
}

}  // namespace

Action reward_train_action() {
  return {{"reward train",
           "a reward model from pairs of responses or labelled ones",
           {"r1 reward train --model DIR --data pairs.jsonl --eval_split 0.1 --output_dir runs/rm",
            "r1 reward train --model DIR --data pairs.jsonl --part summary --output_dir runs/rm"},
           {}},
          [](const Verb& verb, const std::vector<std::string>& args) {
            RewardTrainConfig config;
            return run_verb(verb, config, args, [&](const RewardTrainConfig& c) {
              return train(c, command_line(verb, args));
            });
          }};
}

}  // namespace r1
