// What a run writes down: metrics.jsonl (the source of truth) and TensorBoard events beside it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/file.h"

namespace r1 {

using Metrics = std::vector<std::pair<std::string, double>>;  // name, value; order is kept

/// Appends to RUN/metrics.jsonl and RUN/tensorboard/events.out.tfevents.*; one line is one step.
class Records {
 public:
  /// Opens the run folder. Lines of steps > resume_step are cut away first, and so is a torn last
  /// line, so that a resumed run's file equals that of an uninterrupted one.
  static Result<Records> open(const Path& run, int64_t resume_step);
  ~Records();
  Records(Records&&) noexcept;
  Records& operator=(Records&&) = delete;

  /// {"step": 3, "loss": 1.25, …} in the given order, numbers in shortest exact form; flushed.
  /// NaN and Inf are written as null.
  Result<void> add(int64_t step, const Metrics& metrics);

 private:
  Records() = default;
  int metrics_ = -1, events_ = -1;
  Path metrics_path_, events_path_;
};

/// Reads metrics.jsonl back: (step, metrics) per line.
Result<std::vector<std::pair<int64_t, Metrics>>> read_metrics(const Path& run);

}  // namespace r1
