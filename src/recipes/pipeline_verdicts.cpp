// The paper's claims, tried on the figures that a pipeline made, whatever they are.
#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "recipes/html.h"
#include "recipes/pipeline_compare.h"

namespace r1 {
namespace {

constexpr double kZeroPass = 0.90, kOneLanguage = 0.98, kDistilledRatio = 3.0;

std::string text_of(const ModelFacts& m) { return m.name + " " + share_text(pass_of(m)); }

/// How far an estimate is above a bar.
Estimate above(const Estimate& e, double bar) { return {e.mean - bar, e.error, {}}; }

/// Of a claim that something is more, not only as much.
Outcome more(const Estimate& e) { return e.mean == 0 ? Outcome::kWithinError : outcome_of(e); }

Outcome holds_if(bool condition) { return condition ? Outcome::kHolds : Outcome::kFails; }

using Models = std::vector<const ModelFacts*>;

class Judge {
 public:
  explicit Judge(const PipelineFacts& facts) : facts_(facts) {}

  /// A verdict when all models are measured; "not measured yet" else.
  template <class Decide>
  void judge(const char* key, std::string claim, std::initializer_list<const StageFacts*> stages,
             const Decide& decide) {
    Models models;
    std::string missing;
    for (const StageFacts* stage : stages) {
      if (!stage) return;  // the recipe does not tell this part of the story
      models.push_back(facts_.measured(stage));
      if (!models.back()) missing += (missing.empty() ? "" : ", ") + stage->stage->name;
    }
    PipelineVerdict verdict{key, std::move(claim), "not measured yet", "waits for " + missing};
    if (missing.empty()) {
      verdict.numbers.clear();
      verdict.verdict = outcome_word(decide(models, verdict.numbers));
    }
    verdicts.push_back(std::move(verdict));
  }

  std::vector<PipelineVerdict> verdicts;

 private:
  const PipelineFacts& facts_;
};

void judge_r1(const PipelineFacts& facts, Judge& judge) {
  const StageFacts* zero = facts.find_role("zero");
  const StageFacts* full = facts.find_role("r1");
  judge.judge(
      "r1",
      "R1 keeps to one language (≥ 98 % of its answers), is not below R1-Zero within error, and is "
      "as good after fewer RL steps",
      {zero, full}, [&](const Models& m, std::string& numbers) {
        const Estimate spoken = one_language_of(*m[1]), lead = pass_difference(*m[1], *m[0]);
        const auto early = first_as_good(facts, *full, *m[0]);
        const auto itself = first_as_good(facts, *zero, *m[0]);
        const int64_t steps = itself ? itself->rl_steps : facts.rl_steps_behind(*zero);
        numbers = fmt::format("one language: {} {}, {} {}; pass@1 {} against {}, {}", m[1]->name,
                              share_text(spoken), m[0]->name, share_text(one_language_of(*m[0])),
                              text_of(*m[1]), text_of(*m[0]), points_text(lead));
        numbers += early ? fmt::format("; {} ({}) is as good after {} RL steps in all", early->what,
                                       share_text(early->pass), early->rl_steps)
                         : std::string("; none on its way is as good");
        numbers += fmt::format(", {} {} {}", m[0]->name,
                               facts.rl_steps_behind(*zero) == steps ? "took" : "needed", steps);
        numbers += fmt::format("; {} has {} behind it", m[1]->name, facts.rl_steps_behind(*full));
        return std::max({outcome_of(above(spoken, kOneLanguage)),
                         holds_if(outcome_of(lead) != Outcome::kFails),
                         early ? more({static_cast<double>(steps - early->rl_steps), 0, {}})
                               : Outcome::kFails});
      });
}

void judge_order(const PipelineFacts& facts, Judge& judge) {
  judge.judge("order", "Cold start < R1-Zero < R1 in pass@1",
              {facts.find_role("cold"), facts.find_role("zero"), facts.find_role("r1")},
              [](const Models& m, std::string& numbers) {
                const Estimate low = pass_difference(*m[1], *m[0]),
                               high = pass_difference(*m[2], *m[1]);
                numbers = fmt::format("{}, {} ({}), {} ({})", text_of(*m[0]), text_of(*m[1]),
                                      points_text(low), text_of(*m[2]), points_text(high));
                return std::max(more(low), more(high));
              });
}

void judge_distillation(const PipelineFacts& facts, Judge& judge) {
  for (const StagePair& pair : facts.distilled_against_rl()) {
    judge.judge("distillation",
                fmt::format("Distillation ({}) reaches at least 3 × the pass@1 of RL on the same "
                            "student ({})",
                            pair.first->stage->name, pair.second->stage->name),
                {pair.first, pair.second}, [](const Models& m, std::string& numbers) {
                  const Estimate ratio = ratio_of(pass_of(*m[0]), pass_of(*m[1]));
                  numbers = text_of(*m[0]) + " against " + text_of(*m[1]);
                  if (!std::isfinite(ratio.mean)) {
                    numbers += ": RL solves nothing";
                    return holds_if(m[0]->summary().pass_at_1 > 0);
                  }
                  numbers += fmt::format(": {:.1f} ± {:.1f} ×", ratio.mean, ratio.error);
                  return outcome_of(above(ratio, kDistilledRatio));
                });
  }
}

void judge_majority(const PipelineFacts& facts, Judge& judge) {
  int k = 0;
  for (const ModelFacts& m : facts.models) k = std::max(k, m.summary().cons_k);
  if (k < 2) return;
  const ModelFacts* least = nullptr;
  Estimate lowest;
  Outcome worst = Outcome::kHolds;
  int n = 0, n_holding = 0, n_within = 0;
  for (const ModelFacts& m : facts.models) {
    const Estimate gain = vote_gain(m);
    if (!std::isfinite(gain.mean)) continue;
    const Outcome outcome = gain.mean >= 0 ? Outcome::kHolds : outcome_of(gain);
    ++n, n_holding += outcome == Outcome::kHolds, n_within += outcome == Outcome::kWithinError;
    const bool is_surer = gain.mean * lowest.error >= lowest.mean * gain.error;  // in errors
    if (least && (outcome < worst || (outcome == worst && is_surer))) continue;
    worst = outcome, least = &m, lowest = gain;
  }
  if (!least) return;
  const EvalSummary& s = least->summary();
  const auto votes = s.cons_at.find(s.cons_k);
  std::string numbers = fmt::format("true of {} of {} models", n_holding, n);
  if (n_within > 0) numbers += fmt::format(", within error of {}", n_within);
  numbers += fmt::format(
      "; least sure is {}: cons@{} {} against pass@1 {}, {}", least->name, s.cons_k,
      share_text({s.cons_at_k, votes == s.cons_at.end() ? kUnknown : votes->second.error, {}}),
      share_text(pass_of(*least)), points_text(lowest));
  judge.verdicts.push_back({"majority", fmt::format("cons@{} ≥ pass@1 in every stage", k),
                            outcome_word(worst), numbers});
}

void judge_language(const PipelineFacts& facts, Judge& judge) {
  for (const StagePair& pair : facts.with_and_without_language()) {
    judge.judge("language",
                fmt::format("The language reward makes answers keep to one language ({} against "
                            "{})",
                            pair.first->stage->name, pair.second->stage->name),
                {pair.first, pair.second}, [](const Models& m, std::string& numbers) {
                  const Estimate gain = one_language_difference(*m[0], *m[1]);
                  numbers = fmt::format(
                      "one language {} with it, {} without, {}; pass@1 {} against {}, {}",
                      share_text(one_language_of(*m[0])), share_text(one_language_of(*m[1])),
                      points_text(gain), text_of(*m[0]), text_of(*m[1]),
                      points_text(pass_difference(*m[0], *m[1])));
                  return more(gain);
                });
  }
}

}  // namespace

std::vector<PipelineVerdict> pipeline_verdicts(const PipelineFacts& facts) {
  Judge judge(facts);
  judge.judge("zero", "R1-Zero solves at least 90 % of the evaluated problems",
              {facts.find_role("zero")}, [](const Models& m, std::string& numbers) {
                numbers = text_of(*m[0]);
                return outcome_of(above(pass_of(*m[0]), kZeroPass));
              });
  judge_r1(facts, judge);
  judge_order(facts, judge);
  judge_distillation(facts, judge);
  judge_majority(facts, judge);
  judge_language(facts, judge);
  return judge.verdicts;
}

}  // namespace r1
