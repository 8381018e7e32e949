// Speculative decoding: the model's MTP module guesses the next tokens, one forward pass of the
// model draws them all, and a guess stands where it is what was drawn.  [DeepSeek-V3,
// section 5.4.3]
#pragma once

#include "engine/row_batch.h"
#include "engine/sequence.h"
#include "nn/context.h"

namespace r1 {

/// Makes the guesses. The module has one layer of the pages; its row of position p stands for the
/// hidden state there and the token at p + 1. Further guesses of a step feed the module its own
/// output; their rows are written over once the tokens are known.
class Drafter {
 public:
  Drafter(const Transformer& model, const KvPages& pages);

  /// After a forward pass with output h: the module's keys and values of prompts' rows, whose next
  /// token is known. begin(b) is the first row of job b; n_computed are those before the pass.
  void teach(Context&, std::span<const Job> jobs, const RowBatch& batch, Tensor h);
  /// Fills in Sequence::drafts of the jobs that have room for some.
  void draft(Context&, std::span<const Job> jobs);
  /// Keeps rows first … first + n - 1 of h, the last computed ones of a sequence, for its drafts.
  void remember(Sequence&, Tensor h, int64_t first, int64_t n) const;

 private:
  const Transformer& model_;
  const KvPages& pages_;
  RowBatch batch_;
  std::vector<float> hidden_;
  std::vector<Sequence*> drafting_;
};

}  // namespace r1
