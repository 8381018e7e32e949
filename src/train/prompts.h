// Where the prompts of an RL step come from: the built-in task or a data set.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/cursor.h"
#include "train/grpo.h"

namespace r1 {

class Prompts {
 public:
  /// Rows that cannot be used (too long, no prompt, no answer) are left out with one counted
  /// warning.
  static Result<Prompts> open(const GrpoConfig& config, const Chat& chat, const RewardSet& rewards,
                              int64_t max_length, ThreadPool& pool);

  /// config.train_batch_size problems.
  std::vector<Problem> next(int64_t step);

  std::string state() const;  // JSON for the checkpoint
  Result<void> resume(const std::string& state);

 private:
  explicit Prompts(const GrpoConfig& config)
      : seed_(config.train.seed), batch_size_(config.train_batch_size) {}

  uint64_t seed_;
  int64_t batch_size_;
  std::vector<Problem> rows_;
  std::optional<DataCursor> cursor_;  // absent: the built-in task
};

}  // namespace r1
