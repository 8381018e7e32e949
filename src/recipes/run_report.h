// The page of an ordinary run folder: its metrics as charts, its last samples as cards.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/records.h"
#include "recipes/expert_map.h"
#include "recipes/page.h"
#include "recipes/run_emergence.h"

namespace r1 {

/// A line of samples.jsonl. What the line does not say is NaN or "".
struct RunSample {
  int64_t step = 0;
  std::string prompt, completion, answer;
  double reward = 0, advantage = 0;
};

struct RunReport {
  std::string title, subtitle;
  std::string machine, command;
  std::vector<std::pair<int64_t, Metrics>> metrics;  // of metrics.jsonl
  std::vector<std::pair<int64_t, Metrics>> timing;   // of timing/metrics.jsonl
  std::vector<RunSample> samples;                    // oldest first
  std::vector<LoadRecord> loads;                     // of experts.jsonl
  std::vector<WatchedAnswer> watched;                // of watched.jsonl
  Facts facts;
  std::string config;  // TOML, shown as it is
};

/// Metrics grouped in charts; what is not known by name appears in the table of all metrics only.
std::vector<Chart> metric_charts(const std::vector<std::pair<int64_t, Metrics>>& metrics);

/// One HTML file that asks for nothing from outside: no scripts, fonts or pictures.
std::string render_run_report(const RunReport& report);

/// The last n samples; none when the file is absent. A last line torn by a kill is left out.
Result<std::vector<RunSample>> read_samples(const Path& run, size_t n);

/// What a run folder holds: metrics, timing, samples and config. title is the folder's name.
Result<RunReport> read_run_report(const Path& run);

/// Reads the run and writes RUN/report.html; returns the page's path.
Result<Path> write_run_report(const Path& run, const std::string& command);

}  // namespace r1
