#include <algorithm>

#include "recipes/claims.h"

namespace r1 {

/// [DeepSeek-V3, sections 2.1.2 and 4.5.2; Wang et al. 2024]
Result<Finding> claim_balance(const ClaimsConfig& config) {
  const std::vector<Variant> variants = {
      {"aux-free", [](PretrainConfig& c) { c.balance.balance = "aux_free"; }},
      {"aux-loss", [](PretrainConfig& c) { c.balance.balance = "aux_loss"; }},
      {"none", [](PretrainConfig& c) { c.balance.balance = "none"; }}};
  R1_TRY(const auto trials, run_trials(config, "balance", variants));
  std::vector<std::string> names;
  std::vector<std::vector<std::vector<double>>> numbers;
  std::vector<Spread> losses, violations;
  for (size_t v = 0; v < variants.size(); ++v) {
    names.push_back(variants[v].name);
    auto& rows = numbers.emplace_back();
    std::vector<double> loss, violation;
    for (const Trial& t : trials[v]) {
      rows.push_back({t.tail_mean("loss"), t.tail_mean("moe/max_violation"),
                      t.tail_mean("moe/mean_violation"), t.tail_mean("moe/entropy"),
                      t.tail_mean("moe/dead_experts")});
      loss.push_back(rows.back()[0]);
      violation.push_back(rows.back()[1]);
    }
    losses.push_back(spread_of(loss));
    violations.push_back(spread_of(violation));
  }
  Finding f;
  f.claim =
      "a bias that follows the load keeps experts evenly used without a loss that disturbs "
      "training (V3, section 2.1.2)";
  f.columns = {"balance", "loss", "max violation", "mean violation", "entropy", "dead experts"};
  f.rows = spread_rows(names, numbers, 4);
  const double room = std::max(losses[0].deviation, losses[1].deviation);
  const bool even = violations[0].mean < 0.5, good = losses[0].mean <= losses[1].mean + room;
  f.holds = even && good;
  f.verdict = fmt::format(
      "max violation {} over the last tenth of the run ({} below 0.5), and loss {} against {} with "
      "the auxiliary loss ({}).",
      violations[0].text(3), even ? "is" : "is not", losses[0].text(4), losses[1].text(4),
      good ? "not above it beyond the spread of seeds" : "above it by more than the spread");
  f.notes = {
      "Every document is drawn anew and seen once, so the loss of a batch is that of held-out "
      "text; "
      "means over the last tenth of the steps, ± the standard deviation over seeds.",
      "Loads by layer and expert over time: the Experts section of each run's report.html."};
  f.charts = {compare_series("Loss", "loss", "nats a token", variants, trials),
              compare_series("Uneven use of experts", "moe/max_violation",
                             "largest load / mean load - 1", variants, trials),
              compare_series("Entropy of the load", "moe/entropy", "share of the largest possible",
                             variants, trials)};
  return f;
}

}  // namespace r1
