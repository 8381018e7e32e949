// The paper's claims, tried on the figures that a pipeline made, whatever they are.
#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "recipes/html.h"
#include "recipes/pipeline_facts.h"

namespace r1 {
namespace {

constexpr double kZeroPass = 0.90, kOneLanguage = 0.98, kDistilledRatio = 3.0;
constexpr double kErrors = 2;  // standard errors that are "within error"

std::string text_of(const ModelFacts& m) {
  return m.name + " " + share_text(m.summary().pass_at_1, m.summary().pass_at_1_stderr);
}

/// Of two measured independently: the error over the same problems would be smaller.
Estimate difference_of(const ModelFacts& a, const ModelFacts& b) {
  return {a.summary().pass_at_1 - b.summary().pass_at_1,
          std::hypot(a.summary().pass_at_1_stderr, b.summary().pass_at_1_stderr),
          {}};
}

std::string points(const Estimate& e) {
  if (!std::isfinite(e.mean)) return "–";
  std::string text = fmt::format("{:+.1f}", e.mean * 100);
  if (std::isfinite(e.error)) text += fmt::format(" ± {:.1f}", e.error * 100);
  return text + " points";
}

/// Of the one-language share, over completions.
double share_error(const ModelFacts& m) {
  const double p = m.summary().one_language_rate;
  return std::sqrt(p * (1 - p) / static_cast<double>(std::max<int64_t>(1, m.summary().n_samples)));
}

class Judge {
 public:
  explicit Judge(const PipelineFacts& facts) : facts_(facts) {}

  /// A verdict when all models are measured; "not measured yet" else.
  template <class Decide>
  void judge(const char* key, std::string claim, std::initializer_list<const StageFacts*> stages,
             const Decide& decide) {
    std::vector<const ModelFacts*> models;
    std::string missing;
    for (const StageFacts* stage : stages) {
      if (!stage) return;  // the recipe does not tell this part of the story
      models.push_back(facts_.measured(stage));
      if (!models.back()) missing += (missing.empty() ? "" : ", ") + stage->stage->name;
    }
    PipelineVerdict verdict{key, std::move(claim), "not measured yet", "waits for " + missing};
    if (missing.empty()) {
      verdict.numbers.clear();
      verdict.verdict = decide(models, verdict.numbers) ? "holds" : "does not hold";
    }
    verdicts.push_back(std::move(verdict));
  }

  std::vector<PipelineVerdict> verdicts;

 private:
  const PipelineFacts& facts_;
};

/// The evaluated model of the fewest RL steps, among those that `end` is made from and itself,
/// that is not below `bar` within error.
const ModelFacts* first_as_good(const PipelineFacts& facts, const StageFacts& end,
                                const ModelFacts& bar) {
  std::vector<const StageFacts*> open{&end};
  const ModelFacts* best = nullptr;
  for (size_t i = 0; i < open.size(); ++i) {
    for (const std::string& input : open[i]->stage->inputs) {
      const StageFacts* from = facts.find(input);
      if (from && std::find(open.begin(), open.end(), from) == open.end()) open.push_back(from);
    }
    const ModelFacts* model = facts.measured(open[i]);
    if (!model || facts.rl_steps_behind(*open[i]) == 0) continue;
    const Estimate lead = difference_of(*model, bar);
    if (!(lead.mean >= -kErrors * lead.error)) continue;
    if (!best || facts.rl_steps_behind(*open[i]) < facts.rl_steps_behind(*best->made)) best = model;
  }
  return best;
}

void judge_r1(const PipelineFacts& facts, Judge& judge) {
  const StageFacts* zero = facts.find_role("zero");
  const StageFacts* full = facts.find_role("r1");
  judge.judge("r1",
              "R1 keeps to one language (≥ 98 % of its answers), is not below R1-Zero within "
              "error, and is as good after fewer RL steps",
              {zero, full}, [&](const auto& m, std::string& numbers) {
                const Estimate lead = difference_of(*m[1], *m[0]);
                const ModelFacts* early = first_as_good(facts, *full, *m[0]);
                const int64_t steps = facts.rl_steps_behind(*zero);
                numbers = fmt::format("one language: {} {}, {} {}; pass@1 {} against {}, {}",
                                      m[1]->name, percent_text(m[1]->summary().one_language_rate),
                                      m[0]->name, percent_text(m[0]->summary().one_language_rate),
                                      text_of(*m[1]), text_of(*m[0]), points(lead));
                numbers += early ? fmt::format("; {} is as good after {} RL steps, {} took {}",
                                               text_of(*early), facts.rl_steps_behind(*early->made),
                                               m[0]->name, steps)
                                 : fmt::format("; none on its way is as good as {} after {} steps",
                                               m[0]->name, steps);
                return m[1]->summary().one_language_rate >= kOneLanguage &&
                       lead.mean >= -kErrors * lead.error && early &&
                       facts.rl_steps_behind(*early->made) < steps;
              });
}

void judge_distillation(const PipelineFacts& facts, Judge& judge) {
  for (const StagePair& pair : facts.distilled_against_rl()) {
    judge.judge("distillation",
                fmt::format("distillation ({}) reaches at least 3 × the pass@1 of RL on the same "
                            "student ({})",
                            pair.first->stage->name, pair.second->stage->name),
                {pair.first, pair.second}, [&](const auto& m, std::string& numbers) {
                  const EvalSummary &a = m[0]->summary(), &b = m[1]->summary();
                  const Estimate r =
                      ratio_of(a.pass_at_1, a.pass_at_1_stderr, b.pass_at_1, b.pass_at_1_stderr);
                  numbers = text_of(*m[0]) + " against " + text_of(*m[1]);
                  numbers += std::isfinite(r.mean)
                                 ? fmt::format(": {:.1f} ± {:.1f} ×", r.mean, r.error)
                                 : ": RL solves nothing";
                  return b.pass_at_1 == 0 ? a.pass_at_1 > 0 : r.mean >= kDistilledRatio;
                });
  }
}

void judge_majority(const PipelineFacts& facts, Judge& judge) {
  int k = 0;
  for (const ModelFacts& m : facts.models) k = std::max(k, m.summary().cons_k);
  if (k < 2) return;
  PipelineVerdict verdict{"majority", fmt::format("cons@{} ≥ pass@1 in every stage", k), "holds",
                          ""};
  const ModelFacts* worst = nullptr;
  double least = 2;
  int n = 0, n_holding = 0;
  for (const ModelFacts& m : facts.models) {
    const double gain = m.summary().cons_at_k - m.summary().pass_at_1;
    if (!std::isfinite(gain)) continue;
    ++n, n_holding += gain >= 0;
    if (gain < least) least = gain, worst = &m;
  }
  if (!worst) return;
  const auto error = worst->summary().cons_at.find(worst->summary().cons_k);
  verdict.numbers = fmt::format(
      "{} of {} models; the least gain is that of {}: cons@{} {} against pass@1 {}", n_holding, n,
      worst->name, worst->summary().cons_k,
      share_text(worst->summary().cons_at_k,
                 error == worst->summary().cons_at.end() ? kUnknown : error->second.error),
      share_text(worst->summary().pass_at_1, worst->summary().pass_at_1_stderr));
  if (least < 0) verdict.verdict = "does not hold";
  judge.verdicts.push_back(std::move(verdict));
}

void judge_language(const PipelineFacts& facts, Judge& judge) {
  for (const StagePair& pair : facts.with_and_without_language()) {
    judge.judge(
        "language",
        fmt::format("the language reward makes answers keep to one language ({} against "
                    "{})",
                    pair.first->stage->name, pair.second->stage->name),
        {pair.first, pair.second}, [&](const auto& m, std::string& numbers) {
          const double on = m[0]->summary().one_language_rate,
                       off = m[1]->summary().one_language_rate;
          numbers = fmt::format("one language {} with it, {} without; pass@1 {} against {}, {}",
                                percent_text(on), percent_text(off), text_of(*m[0]), text_of(*m[1]),
                                points(difference_of(*m[0], *m[1])));
          if (on > off && on - off <= kErrors * std::hypot(share_error(*m[0]), share_error(*m[1])))
            numbers += "; the gain is not beyond two standard errors";
          return on > off;
        });
  }
}

}  // namespace

Estimate ratio_of(double a, double a_error, double b, double b_error) {
  if (!(b > 0)) return {kUnknown, kUnknown, {}};
  return {a / b, std::hypot(a_error / b, a * b_error / (b * b)), {}};
}

std::string share_text(double share, double error) {
  if (!std::isfinite(share) || !std::isfinite(error)) return percent_text(share);
  return fmt::format("{:.1f} ± {:.1f} %", share * 100, error * 100);
}

std::string flops_text(double flops) {
  for (const auto& [unit, name] : {std::pair(1e18, "E"), {1e15, "P"}, {1e12, "T"}}) {
    if (flops >= 0.9995 * unit) return compact_text(flops / unit) + name;
  }
  return compact_text(flops);
}

std::vector<PipelineVerdict> pipeline_verdicts(const PipelineFacts& facts) {
  Judge judge(facts);
  const StageFacts *zero = facts.find_role("zero"), *cold = facts.find_role("cold"),
                   *full = facts.find_role("r1");
  judge.judge("zero", "R1-Zero solves at least 90 % of the evaluated problems", {zero},
              [](const auto& m, std::string& numbers) {
                numbers = text_of(*m[0]);
                return m[0]->summary().pass_at_1 >= kZeroPass;
              });
  judge_r1(facts, judge);
  judge.judge("order", "cold start < R1-Zero < R1 in pass@1", {cold, zero, full},
              [](const auto& m, std::string& numbers) {
                const Estimate low = difference_of(*m[1], *m[0]),
                               high = difference_of(*m[2], *m[1]);
                numbers = fmt::format("{}, {} ({}), {} ({})", text_of(*m[0]), text_of(*m[1]),
                                      points(low), text_of(*m[2]), points(high));
                const bool holds = low.mean > 0 && high.mean > 0;
                if (holds && !(low.mean > kErrors * low.error && high.mean > kErrors * high.error))
                  numbers += "; not all of it beyond two standard errors";
                return holds;
              });
  judge_distillation(facts, judge);
  judge_majority(facts, judge);
  judge_language(facts, judge);
  return judge.verdicts;
}

}  // namespace r1
