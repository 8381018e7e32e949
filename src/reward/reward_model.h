// A reward that a model gives: r1 reward train makes one, docs/reward_model.md tells how.
#pragma once

#include "reward/settings.h"

namespace r1 {

struct RewardModelOptions {
  std::string model;
  std::string part;  // empty: as the model says
  std::string dtype = "auto", kv_dtype = "auto";
  double mean = 0, std = 1;
  bool sigmoid = false;
  double clip = 0;
  int64_t max_tokens = 4096;

  void visit(auto&& f) {
    f("model", model, "folder of the reward model: XForSequenceClassification with one label");
    f("part", part, "response or summary; empty: what the model was trained on");
    f("dtype", dtype, "weights: auto (as stored), f32 or bf16");
    f("kv_dtype", kv_dtype, "keys and values: auto (as the weights), f32 or bf16");
    f("mean", mean, "the reward is (score - mean) / std, then sigmoid, then clip");
    f("std", std, "see mean");
    f("sigmoid", sigmoid, "squeeze the reward into 0 … 1");
    f("clip", clip, "the reward stays in [-clip, clip]; 0: no limit");
    f("max_tokens", max_tokens, "tokens scored at once");
  }
  Result<void> validate() const;
};

/// Equal bits for equal conversations, whatever they are scored with. A conversation that is longer
/// than the model's positions has no verdict.
Result<std::unique_ptr<const Reward>> make_reward_model(const RewardSettings& settings);

}  // namespace r1
