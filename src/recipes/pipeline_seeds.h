// One recipe run several times, mostly with other seeds: what they have in common and how far they
// are apart.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace r1 {

/// What summary.json says of a run. Figures that it does not have are NaN.
struct RunSummary {
  std::string title, seed, folder;
  struct Model {
    std::string name;  // with its data set where there are several
    double pass = 0, pass_error = 0, majority = 0, one_language = 0, length = 0;
  };
  struct Verdict {
    std::string claim, verdict, numbers;
  };
  struct Ratio {
    std::string name;  // "distilled / student-rl"
    double ratio = 0;
  };
  std::vector<Model> models = {};
  std::vector<Verdict> verdicts = {};
  std::vector<Ratio> ratios = {};
  double seconds = 0;
};

/// FOLDER/summary.json of each. Two folders at least; they hold runs of one title.
Result<std::vector<RunSummary>> read_run_summaries(const std::vector<std::string>& folders);

/// Markdown: pass@1 of every model in every run, the mean and the standard deviation over the runs;
/// the verdicts of every run with their numbers; the time.
std::string compare_runs(const std::vector<RunSummary>& runs);

/// "96.7 ± 0.4 %": mean and standard deviation of the known values; "–" of none.
std::string spread_text(const std::vector<double>& shares);

}  // namespace r1
