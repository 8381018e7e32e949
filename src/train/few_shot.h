// Worked examples in front of a question, for models that have not learned to answer.
#pragma once

#include <vector>

#include "data/dataset.h"

namespace r1 {

/// What ends a plain-text answer: the model goes on with a question of its own.
inline constexpr const char* kNextQuestion = "\nQuestion:";

class FewShot {
 public:
  /// Rows with prompts and completions.
  static Result<FewShot> open(const Path& jsonl, int n_shots, uint64_t seed);

  int n_shots() const { return n_shots_; }
  /// The problem with its first n examples before it, drawn by (seed, index), never the problem
  /// itself. Through a chat template they are earlier turns; without one, "Question: … Answer: …".
  Problem ask(const Problem& problem, int64_t index, bool has_template, int n) const;

 private:
  FewShot(std::vector<Problem> rows, int n_shots, uint64_t seed)
      : rows_(std::move(rows)), n_shots_(n_shots), seed_(seed) {}
  std::vector<const Problem*> draw(const Problem& problem, int64_t index, int n) const;
  std::vector<Problem> rows_;
  int n_shots_;
  uint64_t seed_;
};

}  // namespace r1
