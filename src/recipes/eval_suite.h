// Many models on many data sets: samples, figures, differences with their errors.
#pragma once

#include "eval/thinking_budget.h"
#include "recipes/chart.h"
#include "reward/reflection.h"
#include "train/general_ability.h"
#include "train/open_model.h"

namespace r1 {

struct EvalSuiteConfig {
  ModelOptions model;
  std::vector<std::string> models;
  std::vector<std::string> data = {"builtin:last_digit"};
  std::string preset = "none";
  int64_t limit = 0;
  int samples = 0;
  int64_t max_tokens = 0;
  double temperature = -1, top_p = 0;
  uint64_t seed = 0;
  std::string instruction = "auto";
  EvalConfig eval;
  ThinkingBudgetConfig budget;
  GeneralConfig general;
  DatasetOptions columns;
  ComputeConfig compute;

  EvalSuiteConfig() { eval.reward_funcs = {"auto", "format"}; }

  void visit(auto&& f) {
    model.visit(f);
    f("models", models, "several models, compared with the first");
    f("data", data,
      "builtin:last_digit, or JSONL files: GSM8K, MATH, AIME, HumanEval, MBPP, multiple choice, or "
      "prompts with answers");
    f("preset", preset,
      "none, or deepseek: temperature 0.6, top_p 0.95, 32768 tokens, <think> forced, no system "
      "prompt, asked for \\boxed{}; what is set beside it wins");
    f("limit", limit, "only the first so many problems; 0: all (256 of the built-in task)");
    f("samples", samples, "completions of each problem; 0: 16, deepseek: 64");
    f("max_tokens", max_tokens, "tokens a completion may have; 0: 160, deepseek: 32768");
    f("temperature", temperature, "sampling temperature; below 0: 1, deepseek: 0.6");
    f("top_p", top_p, "nucleus sampling; 0: 1, deepseek: 0.95");
    f("seed", seed, "of the samples");
    f("instruction", instruction,
      "put after each question; auto: nothing, deepseek: to reason step by step and box the "
      "answer");
    eval.visit([&](const char* name, auto& member, const char* help = "") {
      using Member = std::remove_reference_t<decltype(member)>;
      const std::string_view own = name;
      if constexpr (!std::is_same_v<Member, SamplingParams>) {
        if (own == "samples" || own == "max_tokens") return;
        f(name, member,
          own == "reward_funcs"
              ? "what counts as right, then what counts as well formed; auto: by the "
                "form of each data set"
              : help);
      }
    });
    budget.visit(f);
    general.visit(f);
    columns.visit(f);
    f("compute", compute);
  }

  /// What the preset says wherever nothing else was said. Unknown presets are an error.
  Result<void> apply_preset();
};

/// One model on one data set.
struct EvalCell {
  std::string model, data;  // as short names
  std::string judge;        // the reward that says what is right
  std::vector<Problem> problems = {};
  Evaluated evaluated = {};
  std::vector<BudgetPoint> budget = {};
  ReflectionStats reflection = {};
  std::vector<LengthByDifficulty> lengths = {};
};

/// A paired difference to the first model: the same items for both.
struct EvalDifference {
  std::string model, set, figure;  // figure: pass@1, bits per byte, accuracy
  Estimate difference;             // model minus the first
};

struct GeneralCell {
  std::string model;
  std::string set;
  bool higher_is_better = false;
  Estimate estimate;
  std::vector<double> values = {};
};

struct EvalSuite {
  std::vector<EvalCell> cells;  // model by model
  std::vector<GeneralCell> general;
  std::vector<EvalDifference> differences;
  std::string protocol;  // temperature 0.6 · top-p 0.95 · 64 samples · …
};

/// Opens config.models (or config.model) one after the other. apply_preset() comes first.
/// journal: keeps each model on each data set as it is measured, and what it has is not measured
/// again; whoever has written the results removes it. Empty: nothing is kept.
Result<EvalSuite> evaluate_suite(const EvalSuiteConfig& config, const Path& journal = {});

/// Fills in suite.differences from its cells.
void compare_with_first(EvalSuite& suite, uint64_t seed);

/// The problems of one data set of the config, questions as they will be asked.
Result<std::vector<Problem>> read_eval_problems(const std::string& data,
                                                const EvalSuiteConfig& config);

/// A line a cell: columns aligned for a terminal, or a Markdown table; then general ability, then
/// differences, then thinking budgets.
std::string suite_table(const EvalSuite& suite, bool markdown);
/// Everything as JSON. One model on one data set: its summary at top level, as r1 eval always had.
std::string suite_json(const EvalSuite& suite);
/// Test-time compute (pass@1 against thinking tokens), cons@k, pass@k, length against difficulty:
/// those that the suite has figures for.
std::vector<Chart> suite_charts(const EvalSuite& suite);
/// A page of tables and charts: pass@1 with errors, cons@k and pass@k by k, thinking budgets,
/// length by difficulty, reflection.
std::string suite_page(const EvalSuite& suite, const std::string& machine,
                       const std::string& command);

}  // namespace r1
