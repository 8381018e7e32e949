// What rejection sampling has drawn and judged so far: a file that grows problem by problem.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "reward/quality.h"

namespace r1 {

struct JudgedSample {
  int sample = 0;
  std::string text;      // as it is kept: rewritten where it was
  std::string original;  // what was sampled, of a rewritten one
  bool finished = false, opens_think = false;
  int64_t n_tokens = -1;  // sampled, before it was rewritten
  QualityOutcome outcome;
};

struct JudgedProblem {
  std::string id;
  double seconds = 0;
  std::vector<JudgedSample> samples;
};

/// JSON Lines: a header that names the run (a hash of all that decides the draws), then one line a
/// problem, in their order. Each add is on the disk when it returns.
class SampleJournal {
 public:
  /// Reads what is there; a last line that is torn is cut away. Another run's file is an error,
  /// unless `overwrite`.
  static Result<SampleJournal> open(const Path& path, const std::string& run, bool overwrite);

  const std::vector<JudgedProblem>& problems() const { return problems_; }
  Result<void> add(std::vector<JudgedProblem> problems);

 private:
  SampleJournal() = default;
  AppendFile file_;
  std::vector<JudgedProblem> problems_;
};

}  // namespace r1
