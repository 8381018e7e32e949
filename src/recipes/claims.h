// Published claims, each tried at small scale by one command whose result is printed whatever it
// is: several variants of one pre-training, several seeds, a table, a page and a verdict.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "recipes/page.h"
#include "recipes/parting.h"
#include "recipes/presets.h"

namespace r1 {

struct ClaimsConfig {
  std::string output_dir = "runs/claims";
  int seeds = 3;
  uint64_t first_seed = 0;
  int64_t steps = 1500;
  bool resume = true;
  PretrainConfig base = v3_tiny();

  void visit(auto&& f) {
    f("output_dir", output_dir, "folder of all runs; each claim has one of its own in it");
    f("seeds", seeds, "runs of each variant, on the same data in each");
    f("first_seed", first_seed, "the first of them");
    f("steps", steps, "optimizer steps of each run");
    f("resume", resume, "keep the runs that are there and finished");
    f("base", base);
  }
};

/// What a claim compares.
struct Variant {
  std::string name;
  std::function<void(PretrainConfig&)> change;
};

/// One run: the metrics of every logged step, and what came out.
struct Trial {
  uint64_t seed = 0;
  Path folder;  // of the run; final/ in it is the model
  std::vector<std::pair<int64_t, Metrics>> metrics;

  /// A metric over the logged steps; empty when it was not logged.
  Curve series(const std::string& name) const { return curve_of(metrics, name); }
  /// Its mean over the last `share` of the run; NaN when it was not logged.
  double tail_mean(const std::string& name, double share = 0.1) const;
};

/// Mean and standard deviation (n - 1) over seeds.
struct Spread {
  double mean = 0, deviation = 0;
  std::string text(int decimals) const;  // 1.234 ± 0.005
};
Spread spread_of(const std::vector<double>& values);

/// Smoothed as the papers' curves are: s = keep s + (1 - keep) x.
std::vector<double> smoothed(const std::vector<double>& values, double keep);

/// What a claim found.
struct Finding {
  std::string claim;                 // what was published, and where
  std::vector<std::string> columns;  // of the table, the first names the row
  std::vector<std::vector<std::string>> rows;
  std::vector<Chart> charts;
  bool holds = false;
  std::string verdict;  // in words, with the numbers
  std::vector<std::string> notes;
};

/// One claim by name.
struct Claim {
  const char* name;
  const char* summary;
  Result<Finding> (*run)(const ClaimsConfig&);
};
const std::vector<Claim>& claims();

/// Runs every variant with every seed in OUTPUT_DIR/CLAIM/VARIANT-SEED; trials[variant][seed].
Result<std::vector<std::vector<Trial>>> run_trials(const ClaimsConfig& config,
                                                   const std::string& claim,
                                                   const std::vector<Variant>& variants);

/// A row a variant, "mean ± deviation" of each number; numbers[variant][seed][column].
std::vector<std::vector<std::string>> spread_rows(
    const std::vector<std::string>& names,
    const std::vector<std::vector<std::vector<double>>>& numbers, int decimals);

/// A chart of one metric: the mean over seeds of each variant, smoothed.
Chart compare_series(const std::string& title, const std::string& metric,
                     const std::string& y_label, const std::vector<Variant>& variants,
                     const std::vector<std::vector<Trial>>& trials);

std::string finding_text(const Finding& finding);
std::string finding_json(const std::string& name, const Finding& finding);
std::string finding_page(const std::string& name, const Finding& finding,
                         const std::string& command);

/// Runs a claim, writes OUTPUT_DIR/NAME/{claim.json,report.html}; returns the text for people.
Result<std::string> try_claim(const std::string& name, const ClaimsConfig& config,
                              const std::string& command);

Result<Finding> claim_balance(const ClaimsConfig&);
Result<Finding> claim_mtp(const ClaimsConfig&);
Result<Finding> claim_fp8(const ClaimsConfig&);
Result<Finding> claim_cache(const ClaimsConfig&);
Result<Finding> claim_context(const ClaimsConfig&);

}  // namespace r1
