// What a model can do besides the task it is trained on: bits per byte of text, likeliest choices.
#pragma once

#include "data/dataset.h"
#include "engine/chat.h"
#include "train/learner.h"

namespace r1 {

struct GeneralConfig {
  std::vector<std::string> general_data;
  int64_t general_limit = 200;

  void visit(auto&& f) {
    f("general_data", general_data,
      "general ability, to compare before and after: builtin:last_digit (its tables, textbooks and "
      "conversations), JSONL with texts (bits per byte) or multiple choice (likeliest choice)");
    f("general_limit", general_limit, "rows, or documents of a kind, of each set");
  }
};

/// One number for each item of a set, the same items for every model.
struct AbilityScore {
  std::string name;               // of the set, or of a kind of document in it
  bool higher_is_better = false;  // accuracy; else bits per byte
  std::vector<double> values;
};

/// Texts: bits per byte of each (the words after the prompt of the built-in task's documents, which
/// training never reaches). Multiple choice: 1 where the right choice has the highest
/// log-probability per byte after "question\nAnswer:", without a chat template [lm-eval's
/// acc_norm].
Result<std::vector<AbilityScore>> measure_general(const Transformer& model, const Chat& chat,
                                                  const GeneralConfig& config,
                                                  const DatasetOptions& columns, Dtype kv_dtype,
                                                  const Launch& launch);

}  // namespace r1
