// What a pipeline's folders hold: how far each stage is, what it cost, what its models can do.
#pragma once

#include <limits>

#include "recipes/eval_suite.h"
#include "recipes/page.h"
#include "recipes/pipeline.h"
#include "recipes/run_emergence.h"

namespace r1 {

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// One stage as its folder tells it.
struct StageFacts {
  const Stage* stage = nullptr;
  StageState state = StageState::kNew;
  std::string model, teacher;        // as the recipe has them: "@base", or a path
  std::vector<std::string> rewards;  // names or labels, in order
  double seconds = 0;
  int64_t steps = 0;
  double tokens = kUnknown, flops = kUnknown;  // about; kUnknown where nothing says
  std::vector<std::pair<int64_t, Metrics>> metrics = {};
  std::vector<WatchedAnswer> watched = {};

  bool is_begun() const { return state != StageState::kNew; }
  bool is_rl() const { return stage->verb == "rl"; }
};

/// A model as an eval stage measured it. What eval.json does not say is NaN.
struct ModelFacts {
  std::string name;                  // of the stage; else as r1 eval named it
  std::string reference;             // as the recipe has it: "@base", or a path
  const StageFacts* made = nullptr;  // by this stage; nullptr: it comes from outside
  const StageFacts* by = nullptr;    // the eval stage that measured it
  EvalCell cell;
  struct Example {
    std::string id, question, answer, completion;
    bool is_right = false, is_formed = false;
    double reward = kUnknown;
  };
  std::vector<Example> examples = {};

  const EvalSummary& summary() const { return cell.evaluated.summary; }
};

/// pass@1 on held-out problems after so many steps of RL in all.
struct Milestone {
  std::string what;                   // "zero", "zero at step 20"
  const ModelFacts* model = nullptr;  // as evaluated; nullptr: a held-out point of a run
  int64_t rl_steps = 0;
  Estimate pass;
};

/// Two stages from one model: what it started from is in both, what differs is the comparison.
struct StagePair {
  const StageFacts* first = nullptr;
  const StageFacts* second = nullptr;
};

struct PipelineFacts {
  const Pipeline* pipeline = nullptr;
  std::vector<StageFacts> stages;     // all, in the recipe's order
  std::vector<ModelFacts> models;     // of every eval stage, in its order
  std::string seed, protocol;         // of the first stage that says one; of the first evaluation
  std::vector<std::string> troubles;  // files that could not be read, and why

  const StageFacts* find(const std::string& name) const;
  /// The stage of a role: by its `role`, else by its name (student-rl for student_rl).
  const StageFacts* find_role(const std::string& role) const;
  /// A model's name, with its data set where there are several.
  std::string label(const ModelFacts& model) const;
  /// As measured, on the first data set of the first eval stage; nullptr when it is not.
  const ModelFacts* measured(const StageFacts* stage) const;
  /// The same of the model that a stage begins with.
  const ModelFacts* start_of(const StageFacts& stage) const;
  /// What a stage's model comes from in the end: the name of a stage, or a path.
  std::string family_of(const StageFacts& stage) const;
  /// Steps of all RL stages that went into a stage, its own with them.
  int64_t rl_steps_behind(const StageFacts& stage) const;
  /// What was measured of a stage and of all that it is made from, and held-out points of their RL,
  /// by RL steps.
  std::vector<Milestone> milestones(const StageFacts& end) const;
  /// Distillation and RL on the same student; the RL of the role student_rl where there is one.
  std::vector<StagePair> distilled_against_rl() const;
  /// RL with and without a reward whose name says language, from the same model.
  std::vector<StagePair> with_and_without_language() const;
};

/// keys: of stage_keys. What is not there yet is left out; what cannot be read is a trouble, no
/// error: a report of half a pipeline is wanted too.
PipelineFacts read_pipeline_facts(const Pipeline& pipeline, const std::vector<std::string>& keys);

/// "@zero" and "@zero/x" name stage zero; "" for a path.
std::string stage_referred(const std::string& reference);

/// The k of tables of cons@k and pass@k: the largest of all models, at most 16.
int largest_k(const PipelineFacts& facts);
/// cons@k or pass@k; unknown without it.
double mean_at(const std::map<int, Estimate>& values, int k);

/// The values of one metric over the steps; finite ones.
Series metric_series(const StageFacts& stage, const std::string& metric);
/// rewards/NAME/mean of the stage's first reward whose name contains `part`; "" without.
std::string reward_metric(const StageFacts& stage, const std::string& part);

/// As metric_series, with the errors of METRIC_stderr where they are logged.
Series held_out_series(const StageFacts& stage, const std::string& metric);
/// Tokens of a training run up to each line of its metrics; a line speaks for the steps since the
/// line before.
std::vector<std::pair<int64_t, double>> tokens_by_step(const StageFacts& stage);

/// A word for people: done, begun, not yet, out of date.
const char* state_word(StageState state);

}  // namespace r1
