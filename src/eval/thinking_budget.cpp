#include "eval/thinking_budget.h"

#include <algorithm>
#include <cmath>

#include "data/last_digit_read.h"

namespace r1 {
namespace {

constexpr EncodeOptions kAsWritten{.add_special = false, .parse_special = true};
constexpr const char *kOpen = "<think>", *kClose = "</think>";

/// The built-in task's answers stand in tags; others say them.
std::string default_force(const Problem& problem) {
  const bool is_built_in = parse_last_digit(problem.messages.back().content).has_value();
  return is_built_in ? " </think> <answer> " : "\n</think>\n\nThe final answer is ";
}

/// Completions under one budget: those that must be cut go on from there.
class BudgetRun {
 public:
  BudgetRun(const Chat& chat, const std::vector<Problem>& problems,
            const ThinkingBudgetConfig& config, const EvalConfig& eval, int64_t budget)
      : chat_(chat), problems_(problems), config_(config), eval_(eval), budget_(budget) {}

  /// Queues what must be cut; on_done writes into `cut`, which must not move until then.
  Result<void> submit(Engine& engine, std::span<const Episode> episodes) {
    cut_.reserve(episodes.size());
    for (const Episode& e : episodes) {
      const int64_t n = thinking_tokens(chat_, e.tokens);
      spent_ += static_cast<double>(std::min(n, budget_));
      if (n <= budget_) {
        kept_.push_back(&e);
      } else {
        R1_RETURN_IF_ERROR(submit_cut(engine, e));
      }
    }
    return {};
  }

  std::vector<Episode>& cut() { return cut_; }
  const std::vector<const Episode*>& kept() const { return kept_; }
  double spent() const { return spent_; }

 private:
  Result<void> submit_cut(Engine& engine, const Episode& e) {
    Episode& f = cut_.emplace_back();
    f.problem = e.problem, f.sample = e.sample;
    f.prompt = e.prompt;
    f.tokens.assign(e.tokens.begin(), e.tokens.begin() + static_cast<std::ptrdiff_t>(budget_));
    std::string force =
        config_.force_answer.empty() ? default_force(problems_[e.problem]) : config_.force_answer;
    const bool is_open = chat_.opens_think(e.prompt) ||
                         chat_.tokenizer().decode(f.tokens, false).find(kOpen) != std::string::npos;
    if (!is_open) force = kOpen + force;
    const std::vector<int32_t> ending = chat_.tokenizer().encode(force, kAsWritten);
    f.tokens.insert(f.tokens.end(), ending.begin(), ending.end());
    Request request;
    request.id = static_cast<int64_t>(cut_.size()) - 1;
    request.prompt = f.prompt;
    request.prompt.insert(request.prompt.end(), f.tokens.begin(), f.tokens.end());
    request.params = eval_.sampling;
    request.max_tokens = config_.answer_tokens;
    request.stop_tokens = chat_.stop_tokens();
    request.streams = {eval_stream(e.problem, e.sample)};
    request.on_done = [this](Completed&& done) {
      Episode& to = cut_[static_cast<size_t>(done.request)];
      to.tokens.insert(to.tokens.end(), done.tokens.begin(), done.tokens.end());
      to.finished = done.reason == FinishReason::kStop;
    };
    if (static_cast<int64_t>(request.prompt.size()) >= engine.max_length()) return {};  // truncated
    if (auto queued = engine.submit(std::move(request)); !queued)
      return fail_with(queued.error().with("problem " + problems_[e.problem].id));
    return {};
  }

  const Chat& chat_;
  const std::vector<Problem>& problems_;
  const ThinkingBudgetConfig& config_;
  const EvalConfig& eval_;
  int64_t budget_;
  std::vector<Episode> cut_;
  std::vector<const Episode*> kept_;
  double spent_ = 0;
};

bool is_right(const Episode& e) { return !e.score.parts.empty() && e.score.parts[0].second >= 1.0; }

Estimate accuracy_of(size_t n_problems, const std::vector<const Episode*>& episodes,
                     uint64_t seed) {
  std::vector<double> right(n_problems, 0), n(n_problems, 0);
  for (const Episode* e : episodes) {
    right[e->problem] += is_right(*e);
    ++n[e->problem];
  }
  for (size_t p = 0; p < n_problems; ++p) right[p] /= std::max(1.0, n[p]);
  return estimate(right, seed);
}

}  // namespace

Result<void> ThinkingBudgetConfig::validate() const {
  for (const double budget : thinking_budgets) {
    if (!(budget >= 0 && budget <= 1e9) || budget != std::floor(budget))
      return fail("thinking_budgets has {}; each must be a whole number of tokens, 0 or more",
                  budget);
  }
  if (answer_tokens < 1) return fail("answer_tokens is {}; it must be at least 1", answer_tokens);
  return {};
}

int64_t thinking_tokens(const Chat& chat, std::span<const int32_t> tokens) {
  const auto closed_by = [&](size_t n) {
    return chat.tokenizer().decode(tokens.first(n), false).find(kClose) != std::string::npos;
  };
  if (!closed_by(tokens.size())) return std::ssize(tokens);
  size_t low = 0, high = tokens.size();  // closed by high, not by low
  while (high - low > 1) {
    const size_t middle = (low + high) / 2;
    (closed_by(middle) ? high : low) = middle;
  }
  return static_cast<int64_t>(high) - 1;  // a tag of several tokens counts as thought but its last
}

Result<std::vector<BudgetPoint>> thinking_budget_curve(const Transformer& model, const Chat& chat,
                                                       const std::vector<Problem>& problems,
                                                       std::span<const Episode> episodes,
                                                       const EvalConfig& eval,
                                                       const ThinkingBudgetConfig& config,
                                                       Dtype kv_dtype, const Launch& launch) {
  R1_RETURN_IF_ERROR(config.validate());
  R1_TRY(const RewardSet rewards,
         choose_rewards(eval.reward, eval.reward_funcs, {}, {eval.prefilled_think}));
  std::vector<double> budgets = config.thinking_budgets;
  std::sort(budgets.begin(), budgets.end());
  std::vector<BudgetPoint> curve;
  const double n = static_cast<double>(episodes.size());
  for (const double budget : budgets) {
    Engine engine(model, kv_dtype, eval.engine, launch);
    BudgetRun run(chat, problems, config, eval, static_cast<int64_t>(budget));
    const auto queued = run.submit(engine, episodes);
    engine.run();  // also what was queued before an error refers to the run
    if (!queued) return fail_with(queued.error());
    judge_episodes(run.cut(), chat, problems, rewards, *launch.pool);
    std::vector<const Episode*> all = run.kept();
    for (const Episode& e : run.cut()) all.push_back(&e);
    curve.push_back({static_cast<int64_t>(budget), run.spent() / n,
                     static_cast<double>(run.cut().size()) / n,
                     accuracy_of(problems.size(), all, eval.sampling.seed)});
  }
  double spent = 0;
  std::vector<const Episode*> all;
  for (const Episode& e : episodes) {
    spent += static_cast<double>(thinking_tokens(chat, e.tokens));
    all.push_back(&e);
  }
  curve.push_back({-1, spent / n, 0, accuracy_of(problems.size(), all, eval.sampling.seed)});
  return curve;
}

}  // namespace r1
