// Recorded answers to try a reward on: rows of a JSONL file, and what came of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "reward/reward.h"

namespace r1 {

struct CheckRow {
  Problem problem;
  std::string text;
  bool is_finished = true, opens_think = false;
  std::optional<double> label;  // what the verdict should be, when the row says so
};

/// Each row has a reference and an answer to judge: "gold" with "answer" (or completion, content,
/// response), or "answer" with "completion" (or content, response). "prompt", "finished",
/// "opens_think" and a label ("equal", "expected", "is_correct") may be there; what is left becomes
/// columns. limit 0: all rows.
Result<std::vector<CheckRow>> read_check_rows(const Path& jsonl, int64_t limit);

struct CheckSummary {
  size_t n_rows = 0, n_accepted = 0, n_silent = 0;  // silent: no verdict
  size_t n_labelled = 0, n_agree = 0;
  double mean = 0;  // over the rows with a verdict
};

/// Of the first reward's verdicts. A row agrees with its label when both are accepted, which is a
/// value of 1 or more, or neither is; a label that is no 0 or 1 must be met within 0.005.
CheckSummary summarize_check(const std::vector<CheckRow>& rows,
                             const std::vector<std::vector<Verdict>>& verdicts);
bool agrees_with_label(const Verdict& verdict, double label);

/// "221 rows: 120 accepted, 2 without a verdict, mean 0.54; 219 of 221 as labelled (99.1 %)"
std::string describe(const CheckSummary& summary);

}  // namespace r1
