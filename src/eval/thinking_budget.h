// Test-time compute: how good is a model when its thought is cut after so many tokens?
#pragma once

#include "eval/evaluate.h"

namespace r1 {

struct ThinkingBudgetConfig {
  std::vector<double> thinking_budgets;
  std::string force_answer;
  int64_t answer_tokens = 64;

  void visit(auto&& f) {
    f("thinking_budgets", thinking_budgets,
      "also measure pass@1 with the thought cut after each of these numbers of tokens");
    f("force_answer", force_answer,
      "what then ends the thought; empty: </think> and the beginning of an answer");
    f("answer_tokens", answer_tokens, "tokens an answer may have after that");
  }
  Result<void> validate() const;
};

struct BudgetPoint {
  int64_t budget = 0;          // tokens of thought; -1: as many as the model likes
  double thinking_tokens = 0;  // that were spent, mean
  double forced_rate = 0;      // share of the completions that were cut
  Estimate accuracy;           // over problems
};

/// Tokens of the thought: all before </think>, or all when it is never closed.
int64_t thinking_tokens(const Chat& chat, std::span<const int32_t> tokens);

/// One point a budget, ascending, and one of the episodes as they are. A completion whose thought
/// is within the budget keeps its verdict; of the others the first tokens stay, force_answer
/// follows, and the model goes on from there. Draws are keyed by (seed, problem, sample).
Result<std::vector<BudgetPoint>> thinking_budget_curve(const Transformer& model, const Chat& chat,
                                                       const std::vector<Problem>& problems,
                                                       std::span<const Episode> episodes,
                                                       const EvalConfig& eval,
                                                       const ThinkingBudgetConfig& config,
                                                       Dtype kv_dtype, const Launch& launch);

}  // namespace r1
