// The page's section about reasoning as it emerges: reflection, corrections, lengths, languages and
// the same prompts again and again.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/records.h"
#include "recipes/chart.h"
#include "reward/reflection.h"

namespace r1 {

/// Words of reflection, answers rescued and broken, right lines, languages: a row a model.
std::string reflection_table(const std::vector<std::pair<std::string, ReflectionStats>>& models);

/// Charts of what an RL run logs: reflection/*, language/*, length/difficulty_correlation.
std::vector<Chart> emergence_charts(const std::vector<std::pair<int64_t, Metrics>>& metrics);

/// One answer to a watched prompt: a line of watched.jsonl.
struct WatchedAnswer {
  int64_t step = 0;
  int64_t prompt_index = 0;
  std::string prompt, answer, completion;
  double reward = 0;
  bool is_right = false;
  int64_t n_tokens = 0;
};
/// RUN/watched.jsonl, oldest first; none when the file is absent. A last line torn by a kill is
/// left out.
Result<std::vector<WatchedAnswer>> read_watched(const Path& run);

/// The same prompts at every step, words of reflection marked: folded up, without scripts. At most
/// `n_steps` steps of each, evenly chosen. is_open: the first of them is unfolded.
std::string watched_browser(const std::vector<WatchedAnswer>& answers, size_t n_steps = 12,
                            bool is_open = false);

}  // namespace r1
