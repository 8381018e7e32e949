// From judged completions to the rows of an SFT set, and what became of all the others.
#pragma once

#include <string>
#include <vector>

#include "train/sample.h"
#include "train/sample_journal.h"

namespace r1 {

/// Names of everything that may drop a completion, in the order of the table.
std::vector<std::string> sample_stages(const SampleConfig& config);

/// The rows, and the counts of the report.
struct SampleRows {
  std::string text;  // JSON Lines
  SampleReport report;
};

/// Chooses among what passed (the best scores first, where there are scores), then mixes general
/// data in. problems and judged go together.
Result<SampleRows> write_sample_rows(const SampleConfig& config,
                                     const std::vector<Problem>& problems,
                                     const std::vector<JudgedProblem>& judged,
                                     const std::string& weights_sha256);

}  // namespace r1
