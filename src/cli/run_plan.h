// What r1 run --dry_run says of a stage that has not run yet: its work, memory and time.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "models/config.h"
#include "recipes/pipeline.h"
#include "train/memory.h"

namespace r1 {

struct StagePlan {
  std::string what;        // "25 steps of 24 x 16 completions"
  double bytes = 0;        // 0: not known
  double seconds = 0;      // 0: not known
  bool is_at_most = true;  // seconds: with every text as long as it may be
};

/// Plans the stages in their order: a model that an earlier one will make has its shape. Measures
/// each shape for `seconds` on this machine.
class StagePlanner {
 public:
  StagePlanner(const Pipeline& pipeline, double seconds) : pipeline_(pipeline), limit_(seconds) {}

  /// Errors are those of the stage's options: unknown names, wrong values.
  Result<StagePlan> plan(const Stage& stage);
  /// These errors alone.
  Result<void> check(const Stage& stage) const;

 private:
  template <class Config>
  Result<Config> read(const Stage& stage, Config config = {}) const;
  Result<StagePlan> plan_pretraining(const Stage& stage);
  Result<StagePlan> plan_tuning(const Stage& stage);
  Result<StagePlan> plan_rl(const Stage& stage);
  Result<StagePlan> plan_distillation(const Stage& stage);
  Result<StagePlan> plan_reward(const Stage& stage);
  Result<StagePlan> plan_sampling(const Stage& stage);
  Result<StagePlan> plan_evaluation(const Stage& stage);
  Result<StagePlan> plan_data(const Stage& stage);

  /// Of a folder that is there or will be made; nullptr: not known.
  const ModelConfig* shape_of(const std::string& model);
  void will_be(const Stage& stage, const std::string& from);
  int64_t rows_of(const std::string& file) const;  // 0: not known
  /// Seconds of forward and backward a token, of an update.
  struct Cost {
    double train = 0, forward = 0, update = 0;
  };
  Result<Cost> cost_of(const ModelConfig& shape, const TrainingArguments& args, int64_t length);
  Result<void> add_training(StagePlan& plan, const std::string& model,
                            const TrainingArguments& args, int64_t steps, double tokens,
                            int64_t length);
  void add_engine(StagePlan& plan, const ModelConfig& shape, const TrainingArguments& args,
                  const EngineConfig& engine) const;

  void add_frozen(StagePlan& plan, const ModelConfig& shape, const TrainingArguments& args) const;

  const Pipeline& pipeline_;
  double limit_;
  std::map<std::string, ModelConfig> shapes_;  // by product
  std::map<std::string, int64_t> rows_;        // by product
  std::map<std::string, Cost> costs_;          // by shape
};

}  // namespace r1
