// What a reward model learns from: pairs of responses, one preferred, or single responses with a
// label.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"

namespace r1 {

/// Two responses to one prompt. A pair without a prompt of its own has what both begin with.
struct PreferencePair {
  std::string id;
  std::vector<Message> prompt;
  std::string chosen, rejected;
  double margin = 0;  // by how much the chosen one should lead
};

/// One response that is good (safe, helpful) or not.
struct LabelledResponse {
  std::string id;
  std::vector<Message> prompt;
  std::string completion;
  bool is_good = false;
};

/// One of the two is filled.
struct PreferenceData {
  std::vector<PreferencePair> pairs;
  std::vector<LabelledResponse> labelled;
  size_t size() const { return pairs.size() + labelled.size(); }
};

/// Rows with chosen and rejected (text, or lists of messages as TRL takes them) and perhaps margin;
/// or rows with completion and label (true, false, 1, 0, "safe", "unsafe"). A file that mixes both
/// is an error.
Result<PreferenceData> read_preferences(const Path& jsonl, const DatasetOptions& options = {});

}  // namespace r1
