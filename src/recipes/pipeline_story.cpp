// The story of a pipeline in a few figures.
#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "recipes/html.h"
#include "recipes/pipeline_compare.h"
#include "recipes/pipeline_page.h"

namespace r1 {
namespace {

std::string plain(double share) { return fmt::format("{:.1f}", share * 100); }

std::string arrow(double before, double after) {
  return plain(before) + " → " + percent_text(after);
}

/// Only what is all reads 100 %.
std::string whole_percent(double share) {
  int decimals = 0;
  while (decimals < 2 && share < 1 && percent_text(share, decimals).starts_with("100")) ++decimals;
  return percent_text(share, decimals);
}

/// What the length did, in words; "" where it stayed about the same.
std::string length_text(const ModelFacts& from, const ModelFacts& to) {
  const double a = from.summary().mean_length, b = to.summary().mean_length;
  if (!(a > 0) || !std::isfinite(b) || std::fabs(b / a - 1) < 0.2) return "";
  return fmt::format(" Its answers {} from {:.0f} to {:.0f} tokens.", b > a ? "grow" : "shrink", a,
                     b);
}

void tell_zero(const PipelineFacts& facts, std::vector<Headline>& lines) {
  const StageFacts* stage = facts.find_role("zero");
  const ModelFacts* zero = facts.measured(stage);
  const ModelFacts* base = zero ? facts.start_of(*stage) : nullptr;
  if (!base) return;
  lines.push_back({arrow(base->summary().pass_at_1, zero->summary().pass_at_1),
                   "R1-Zero: reinforcement learning alone",
                   fmt::format("of the problems solved, from {} in {} steps.{}", base->name,
                               stage->steps, length_text(*base, *zero))});
}

void tell_r1(const PipelineFacts& facts, std::vector<Headline>& lines) {
  const ModelFacts* full = facts.measured(facts.find_role("r1"));
  const ModelFacts* zero = facts.measured(facts.find_role("zero"));
  if (!full) return;
  std::string note = "of the problems solved";
  if (std::isfinite(full->summary().one_language_rate)) {
    note += fmt::format("; {} of the answers keep to one language",
                        whole_percent(full->summary().one_language_rate));
    if (zero && std::isfinite(zero->summary().one_language_rate))
      note +=
          fmt::format(", {} of those of R1-Zero", whole_percent(zero->summary().one_language_rate));
  }
  lines.push_back(
      {share_text(pass_of(*full)), "R1: cold start, RL, rejection sampling, RL", note + "."});
}

void tell_distillation(const PipelineFacts& facts, std::vector<Headline>& lines) {
  for (const StagePair& pair : facts.distilled_against_rl()) {
    const ModelFacts *a = facts.measured(pair.first), *b = facts.measured(pair.second);
    if (!a || !b) continue;
    const Estimate ratio = ratio_of(pass_of(*a), pass_of(*b));
    const std::string learned = percent_text(pass_of(*a).mean);
    if (std::isfinite(ratio.mean)) {
      lines.push_back({fmt::format("{:.1f} ×", ratio.mean), "Distillation against RL",
                       fmt::format("as many problems solved by the student when it learns from the "
                                   "teacher's answers ({}) as when it trains by RL itself ({}).",
                                   learned, percent_text(pass_of(*b).mean))});
    } else {
      lines.push_back({learned, "Distillation against RL",
                       "of the problems solved by the student when it learns from the teacher's "
                       "answers; none when it trains by RL itself."});
    }
    return;
  }
}

void tell_thinking(const PipelineFacts& facts, std::vector<Headline>& lines) {
  const ModelFacts* m = facts.measured(facts.find_role("r1"));
  if (!m) m = facts.measured(facts.find_role("zero"));
  if (!m || m->cell.budget.size() < 2) return;
  const BudgetPoint &least = m->cell.budget.front(), &most = m->cell.budget.back();
  lines.push_back({arrow(least.accuracy.mean, most.accuracy.mean), "Thinking pays",
                   fmt::format("of the problems solved by {} when its thought is cut at {} tokens, "
                               "and when it may think as long as it likes ({:.0f} tokens).",
                               m->name, least.budget, most.thinking_tokens)});
}

/// Where a recipe tells none of these stories: the first model and the best.
void tell_best(const PipelineFacts& facts, std::vector<Headline>& lines) {
  const ModelFacts *first = nullptr, *best = nullptr;
  for (const ModelFacts& m : facts.models) {
    if (!std::isfinite(m.summary().pass_at_1)) continue;
    if (!first) first = &m;
    if (!best || m.summary().pass_at_1 > best->summary().pass_at_1) best = &m;
  }
  if (best && best != first)
    lines.push_back({arrow(pass_of(*first).mean, pass_of(*best).mean), "pass@1",
                     "of the problems solved, " + first->name + " → " + best->name});
}

void tell_claims(const PipelineFacts& facts, std::vector<Headline>& lines) {
  const std::vector<PipelineVerdict> verdicts = pipeline_verdicts(facts);
  const auto count = [&](Outcome outcome) {
    return std::count_if(verdicts.begin(), verdicts.end(),
                         [&](const auto& v) { return v.verdict == outcome_word(outcome); });
  };
  const auto holds = count(Outcome::kHolds), within = count(Outcome::kWithinError),
             fails = count(Outcome::kFails);
  if (holds + within + fails == 0) return;
  std::string note;
  const auto add = [&](int64_t n, const char* what) {
    if (n > 0) note += fmt::format("{}{} {}", note.empty() ? "" : ", ", n, what);
  };
  add(within, "within error"), add(fails, fails == 1 ? "does not" : "do not");
  add(std::ssize(verdicts) - holds - within - fails, "not measured yet");
  lines.push_back(
      {fmt::format("{} of {} hold", holds, verdicts.size()), "Claims of the paper",
       note.empty() ? "each with its numbers below" : note + "; each with its numbers below"});
}

void tell_cost(const PipelineFacts& facts, const std::string& machine,
               std::vector<Headline>& lines) {
  double seconds = 0, flops = 0;
  for (const StageFacts& s : facts.stages) {
    seconds += s.seconds;
    if (std::isfinite(s.flops)) flops += s.flops;
  }
  const auto done = std::count_if(facts.stages.begin(), facts.stages.end(),
                                  [](const auto& s) { return s.state == StageState::kDone; });
  std::string note = fmt::format("{} of {} stages done, by one command", done, facts.stages.size());
  if (done == std::ssize(facts.stages))
    note = fmt::format("for all {} stages, by one command", done);
  if (!machine.empty()) note += " on " + machine;
  if (flops > 0) note += fmt::format("; about {} FLOPs", flops_text(flops));
  lines.push_back({human_seconds(seconds), "What it took", note + "."});
}

}  // namespace

std::string seconds_text(double seconds) {
  if (!(seconds > 0)) return "–";
  return seconds < 0.1 ? "< 0.1s" : human_seconds(seconds);
}

std::string flops_text(double flops) {
  for (const auto& [unit, name] : {std::pair(1e18, "E"), {1e15, "P"}, {1e12, "T"}}) {
    if (flops >= 0.9995 * unit) return compact_text(flops / unit) + name;
  }
  return compact_text(flops);
}

std::vector<Headline> pipeline_headlines(const PipelineFacts& facts, const std::string& machine) {
  std::vector<Headline> lines;
  tell_zero(facts, lines);
  tell_r1(facts, lines);
  tell_distillation(facts, lines);
  tell_thinking(facts, lines);
  if (lines.empty()) tell_best(facts, lines);
  tell_claims(facts, lines);
  tell_cost(facts, machine, lines);
  return lines;
}

}  // namespace r1
