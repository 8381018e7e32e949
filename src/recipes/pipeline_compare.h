// The claims of a pipeline: differences with their errors, and what they say.
#pragma once

#include "recipes/pipeline_facts.h"

namespace r1 {

/// What a difference says when it should be at least 0. One that is smaller than two of its
/// standard errors says nothing.
enum class Outcome { kHolds, kWithinError, kFails };  // from good to bad
Outcome outcome_of(const Estimate& margin);
/// holds, within error, does not hold
const char* outcome_word(Outcome outcome);

/// Figures of a model with their standard errors over problems.
Estimate pass_of(const ModelFacts& m);
/// Over completions, of an evaluation that has no figures of each problem.
Estimate one_language_of(const ModelFacts& m);

/// a - b. Paired, problem by problem, when one evaluation measured both on the same problems and
/// has their figures of each; else as if measured independently, which makes the error too large
/// rather than too small.
Estimate pass_difference(const ModelFacts& a, const ModelFacts& b);
Estimate one_language_difference(const ModelFacts& a, const ModelFacts& b);
/// cons@k - pass@1 of one model, k the largest; paired in the same way.
Estimate vote_gain(const ModelFacts& m);

/// a / b with the error that those of a and b make; unknown when b is 0.
Estimate ratio_of(const Estimate& a, const Estimate& b);

/// The first on the way to a stage, itself included, that some RL has made as good as the bar: not
/// below it by more than two standard errors. nullopt: none.
std::optional<Milestone> first_as_good(const PipelineFacts& facts, const StageFacts& end,
                                       const ModelFacts& bar);

/// One claim of the paper at this scale.
struct PipelineVerdict {
  std::string key;      // zero, r1, order, distillation, majority, language
  std::string claim;    // what it says
  std::string verdict;  // holds, within error, does not hold, not measured yet
  std::string numbers;  // with their standard errors
};
/// The claims that the recipe has the stages for.
std::vector<PipelineVerdict> pipeline_verdicts(const PipelineFacts& facts);

/// "95.4 ± 0.4 %"
std::string share_text(const Estimate& share);
/// "+1.5 ± 0.4 points"
std::string points_text(const Estimate& difference);

}  // namespace r1
