#include "recipes/pipeline_compare.h"

#include <cmath>

#include "base/log.h"
#include "recipes/html.h"

namespace r1 {
namespace {

constexpr double kErrors = 2;  // standard errors that are "within error"

bool is_same_evaluation(const ModelFacts& a, const ModelFacts& b) {
  return a.by && a.by == b.by && a.cell.data == b.cell.data;
}

/// Mean and standard error of a - b over the problems where both are known.
std::optional<Estimate> paired(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.empty() || a.size() != b.size()) return std::nullopt;
  std::vector<double> differences;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isfinite(a[i] - b[i])) differences.push_back(a[i] - b[i]);
  }
  if (differences.size() < 2) return std::nullopt;
  double sum = 0;
  for (const double d : differences) sum += d;
  return Estimate{sum / static_cast<double>(differences.size()), standard_error(differences), {}};
}

Estimate independent(const Estimate& a, const Estimate& b) {
  return {a.mean - b.mean, std::hypot(a.error, b.error), {}};
}

/// The mean is that of the summaries; the pairing says its error.
Estimate difference(const Estimate& a, const Estimate& b, const std::optional<Estimate>& pairs) {
  Estimate d = independent(a, b);
  if (pairs) d.error = pairs->error;
  return d;
}

}  // namespace

Outcome outcome_of(const Estimate& margin) {
  const double error = std::isfinite(margin.error) ? margin.error : 0;
  if (margin.mean >= kErrors * error) return Outcome::kHolds;
  return margin.mean <= -kErrors * error ? Outcome::kFails : Outcome::kWithinError;
}

const char* outcome_word(Outcome outcome) {
  switch (outcome) {
    case Outcome::kHolds:
      return "holds";
    case Outcome::kWithinError:
      return "within error";
    case Outcome::kFails:
      return "does not hold";
  }
  return "";
}

Estimate pass_of(const ModelFacts& m) {
  return {m.summary().pass_at_1, m.summary().pass_at_1_stderr, {}};
}

Estimate one_language_of(const ModelFacts& m) {
  const EvalSummary& s = m.summary();
  const double p = s.one_language_rate;
  std::vector<double> known;
  for (const double share : s.one_language) {
    if (std::isfinite(share)) known.push_back(share);
  }
  const auto n = static_cast<double>(std::max<int64_t>(1, s.n_samples));
  return {p, known.size() > 1 ? standard_error(known) : std::sqrt(p * (1 - p) / n), {}};
}

Estimate pass_difference(const ModelFacts& a, const ModelFacts& b) {
  return difference(
      pass_of(a), pass_of(b),
      is_same_evaluation(a, b) ? paired(a.summary().accuracy, b.summary().accuracy) : std::nullopt);
}

Estimate one_language_difference(const ModelFacts& a, const ModelFacts& b) {
  return difference(one_language_of(a), one_language_of(b),
                    is_same_evaluation(a, b)
                        ? paired(a.summary().one_language, b.summary().one_language)
                        : std::nullopt);
}

Estimate vote_gain(const ModelFacts& m) {
  const EvalSummary& s = m.summary();
  const auto votes = s.cons_at.find(s.cons_k);
  const Estimate majority{
      s.cons_at_k, votes == s.cons_at.end() ? kUnknown : votes->second.error, {}};
  return difference(majority, pass_of(m), paired(s.majority, s.accuracy));
}

Estimate ratio_of(const Estimate& a, const Estimate& b) {
  if (!(b.mean > 0)) return {kUnknown, kUnknown, {}};
  return {a.mean / b.mean, std::hypot(a.error / b.mean, a.mean * b.error / (b.mean * b.mean)), {}};
}

std::optional<Milestone> first_as_good(const PipelineFacts& facts, const StageFacts& end,
                                       const ModelFacts& bar) {
  for (const Milestone& m : facts.milestones(end)) {
    if (m.rl_steps == 0) continue;
    const Estimate lead =
        m.model ? pass_difference(*m.model, bar) : independent(m.pass, pass_of(bar));
    if (outcome_of(lead) != Outcome::kFails) return m;
  }
  return std::nullopt;
}

std::string share_text(const Estimate& share) {
  if (!std::isfinite(share.mean) || !std::isfinite(share.error)) return percent_text(share.mean);
  return fmt::format("{:.1f} ± {:.1f} %", share.mean * 100, share.error * 100);
}

std::string points_text(const Estimate& difference) {
  if (!std::isfinite(difference.mean)) return "–";
  std::string text = fmt::format("{:+.1f}", difference.mean * 100);
  if (std::isfinite(difference.error)) text += fmt::format(" ± {:.1f}", difference.error * 100);
  return text + " points";
}

}  // namespace r1
