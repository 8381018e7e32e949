// What an evaluation has measured so far, part by part, so that a killed one goes on.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "recipes/eval_suite.h"

namespace r1 {

/// JSON Lines: a part each, under a key of all that it depends on, on the disk as soon as it is
/// measured. Parts of other keys, and lines that cannot be read, are passed over.
class EvalJournal {
 public:
  /// An empty path keeps nothing. What stands behind the first torn line is cut away.
  static Result<EvalJournal> open(const Path& path);

  bool is_on() const { return is_on_; }

  /// The completions of a cell with their scores, and its thinking budgets: without texts and
  /// figures, which follow from these. False: not there, or not n of them of n_problems.
  bool find(const std::string& key, size_t n_problems, size_t n, EvalCell& cell) const;
  Result<void> add(const std::string& key, const EvalCell& cell);

  bool find(const std::string& key, std::vector<AbilityScore>& scores) const;
  Result<void> add(const std::string& key, const std::vector<AbilityScore>& scores);

 private:
  EvalJournal() = default;
  Result<void> add_line(const std::string& key, const std::string& part);
  bool is_on_ = false;
  AppendFile file_;
  std::map<std::string, std::string> parts_;  // key -> JSON
};

/// The key of a part: a hash of this program, of all options that can change a result ([compute]
/// cannot), and of the files that they name, the model's and its tokenizer's too.
/// config: as for this part alone, see for_cell and for_general.
Result<std::string> eval_part_key(const EvalSuiteConfig& config, const ModelPaths& model);
/// The options of one model on one data set, and of its general ability.
EvalSuiteConfig for_cell(EvalSuiteConfig config, const std::string& data);
EvalSuiteConfig for_general(EvalSuiteConfig config);

}  // namespace r1
