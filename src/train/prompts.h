// Where the prompts of an RL step come from: the built-in task or a data set.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/cursor.h"
#include "data/last_digit.h"
#include "train/grpo.h"

namespace r1 {

/// What a step asks, and which rows of the data set these are (-1: a problem that is asked once).
struct PromptBatch {
  std::vector<Problem> problems;
  std::vector<int64_t> rows;
};

class Prompts {
 public:
  /// Rows that cannot be used (too long, no prompt, no answer) are left out with one counted
  /// warning.
  static Result<Prompts> open(const GrpoConfig& config, const Chat& chat, const RewardSet& rewards,
                              int64_t max_length, ThreadPool& pool);

  /// config.train_batch_size problems among those that have a reward when run_share of the run is
  /// over.
  PromptBatch next(double run_share);
  /// How often a row was solved, for the curriculum.
  void learn(int64_t row, double pass_rate) {
    if (curriculum_) curriculum_->learn(row, pass_rate);
  }
  const std::optional<Curriculum>& curriculum() const { return curriculum_; }

  /// The same n problems whenever they are asked for: held-out ones of the built-in task, or the
  /// first rows.
  std::vector<Problem> fixed(int64_t n) const;

  std::string state() const;  // JSON for the checkpoint
  Result<void> resume(const std::string& state);

 private:
  explicit Prompts(const GrpoConfig& config)
      : seed_(config.train.seed),
        batch_size_(config.train_batch_size),
        is_built_in_(config.data == kLastDigitData) {}
  int64_t next_row(double run_share);

  uint64_t seed_;
  int64_t batch_size_;
  bool is_built_in_;
  int64_t n_made_ = 0;  // problems of the built-in task so far
  std::vector<Problem> rows_;
  std::vector<double> opens_at_;      // of each row: RewardSet::opens_at
  std::optional<DataCursor> cursor_;  // absent: problems asked once, or a curriculum
  std::optional<Curriculum> curriculum_;
};

}  // namespace r1
