// Prompts drawn by how often they are solved: those that are solved now and then teach most.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace r1 {

struct CurriculumConfig {
  std::string by;  // "" or pass_rate
  double update = 0.5;
  double floor = 0.1;
  int64_t num_problems = 1000;

  void visit(auto&& f) {
    f("by", by,
      "pass_rate: draw prompts by their running pass rate p, with weight 4 p (1 - p); empty: each "
      "prompt once a pass over the data");
    f("update", update, "p moves by this share towards what a step's group says");
    f("floor", floor, "no prompt's weight is below this");
    f("num_problems", num_problems,
      "the built-in task: so many problems, asked again and again (else none is asked twice)");
  }
  bool is_on() const { return !by.empty(); }
  Result<void> validate() const;
};

/// max(floor, 4 p (1 − p)): the variance of a reward of 0 or 1, with 1 at its largest.
double curriculum_weight(double pass_rate, double floor);

/// The running pass rates of the rows of a data set. A row that was never asked counts as 1/2.
class Curriculum {
 public:
  Curriculum(int64_t n_rows, uint64_t seed, CurriculumConfig config);

  /// n rows among those that are open, without repetition while there are enough. Keyed by seed and
  /// by how many draws there were.                  [Efraimidis and Spirakis 2006]
  std::vector<int64_t> draw(int64_t n, const std::vector<bool>& open);
  /// p ← p + update (pass_rate − p).
  void learn(int64_t row, double pass_rate);

  double pass_rate(int64_t row) const { return rates_[row]; }
  int64_t n_asked() const;
  double mean_pass_rate() const;  // of the rows that were asked

  std::string state() const;  // JSON; resume restores every bit
  Result<void> resume(const std::string& state);

 private:
  CurriculumConfig config_;
  uint64_t seed_;
  int64_t n_draws_ = 0;
  std::vector<double> rates_;
  std::vector<bool> asked_;
};

}  // namespace r1
