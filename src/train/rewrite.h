// A model that writes good completions anew: readable, in one language, with the same answer.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reward/judge_model.h"
#include "train/sample.h"

namespace r1 {

/// One thread drives it.
class Rewriter {
 public:
  /// cost_file: where asking a server is metered; fresh: what it holds is forgotten.
  static Result<Rewriter> open(const RewriteConfig& config, const Path& cost_file, bool fresh);

  struct Draft {
    const Problem* problem = nullptr;
    std::string text;  // what was sampled
  };
  /// One text a draft, in order: what the reply has between <rewritten> and </rewritten>, or an
  /// error that says what it has instead. Where not one reply came (a server that is gone, a wrong
  /// key), or the money is spent, the whole is an error.
  Result<std::vector<Result<std::string>>> rewrite(std::span<const Draft> drafts, uint64_t seed,
                                                   ThreadPool& pool);

  /// What asking has cost; null for a model of this machine.
  const CostMeter* cost() const { return meter_ ? &*meter_ : nullptr; }

 private:
  Rewriter(std::string prompt, std::unique_ptr<const JudgeModel> model)
      : prompt_(std::move(prompt)), model_(std::move(model)) {}
  std::string prompt_;
  std::unique_ptr<const JudgeModel> model_;
  std::optional<CostMeter> meter_;  // of a server
};

/// The instruction with its places filled; {question} and the others inside the texts stay.
std::string fill_rewrite_prompt(const std::string& prompt, const std::string& question,
                                const std::string& response, const std::string& answer);

/// What stands in the last <rewritten> … </rewritten>, without space around it.
Result<std::string> read_rewritten(const std::string& reply);

}  // namespace r1
